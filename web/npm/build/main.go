// Command build fills web/npm/dist: the WebAssembly module, the loader for the
// script tag and as an ES module, and the types. It needs nothing but Go, unless
// TinyGo is to compile the module.
package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const esbuild = "github.com/evanw/esbuild/cmd/esbuild@v0.28.2"

func main() {
	log.SetFlags(0)
	log.SetPrefix("build: ")
	dist := flag.String("o", "", "folder to fill (default web/npm/dist)")
	sizes := flag.Bool("sizes", true, "print what a page downloads, and fail if that is more than the budget of the compiler allows")
	compiler := flag.String("compiler", cmp.Or(os.Getenv("COMPILER"), "go"), "what compiles the module: go or tinygo; the default is that of the environment variable COMPILER")
	flag.Parse()
	if err := build(*dist, *compiler, *sizes); err != nil {
		log.Fatal(err)
	}
}

func build(dist, name string, sizes bool) error {
	root, err := output("go", "list", "-m", "-f", "{{.Dir}}", "github.com/onerefresh/onerefresh")
	if err != nil {
		return err
	}
	npm := filepath.Join(root, "web", "npm")
	src := filepath.Join(npm, "src")
	if dist == "" {
		dist = filepath.Join(npm, "dist")
	}
	if dist, err = filepath.Abs(dist); err != nil {
		return err
	}
	if err := os.MkdirAll(dist, 0o777); err != nil {
		return err
	}
	// Files move to dist when they are complete, for the sake of a server that
	// is at it.
	temp, err := os.MkdirTemp(dist, ".build")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)

	compile, runtime, err := compiler(name, root)
	if err != nil {
		return err
	}
	wasm := command(compile[0], append(compile[1:], "-o", filepath.Join(temp, "onerefresh.wasm"), "./wasm")...)
	wasm.Dir = root
	if err := wasm.Run(); err != nil {
		return fmt.Errorf("compiling the module: %w", err)
	}
	if err := os.Chmod(filepath.Join(temp, "onerefresh.wasm"), 0o644); err != nil {
		return err
	}

	if err := os.WriteFile(filepath.Join(temp, "wasm_exec.js"), runtime, 0o644); err != nil {
		return err
	}
	bundle := func(name, entry string, flags ...string) error {
		cmd := command("go", append([]string{"run", esbuild, filepath.Join(src, entry), "--outfile=" + filepath.Join(temp, name),
			"--bundle", "--minify", "--target=es2022", "--legal-comments=none", "--log-level=warning",
			"--alias:wasm_exec=" + filepath.Join(temp, "wasm_exec.js")}, flags...)...)
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("bundling %s: %w", name, err)
		}
		return nil
	}
	for _, b := range []struct {
		name, entry string
		flags       []string
	}{
		{"index.js", "index.js", []string{"--format=esm"}},
		{"onerefresh.js", "index.js", []string{"--format=iife", "--global-name=onerefresh",
			"--inject:" + filepath.Join(src, "script.js"), "--define:import.meta.url=scriptURL"}},
		{"formats.js", "formats.js", []string{"--format=esm"}},
		{"onerefresh-formats.js", "formats.js", []string{"--format=iife", "--global-name=onerefreshFormats"}},
	} {
		if err := bundle(b.name, b.entry, b.flags...); err != nil {
			return err
		}
	}

	types := []string{"index.d.ts", "formats.d.ts"}
	for _, name := range types {
		text, err := os.ReadFile(filepath.Join(src, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(temp, name), text, 0o644); err != nil {
			return err
		}
	}

	for _, name := range append(types, "onerefresh.wasm", "index.js", "onerefresh.js", "formats.js", "onerefresh-formats.js") {
		if err := os.Rename(filepath.Join(temp, name), filepath.Join(dist, name)); err != nil {
			return err
		}
	}
	if !sizes {
		return nil
	}
	size := command("go", "run", ".", "-budget", filepath.Join(npm, "budget-"+name+".txt"), filepath.Join(dist, "onerefresh.wasm"), filepath.Join(dist, "index.js"), filepath.Join(dist, "onerefresh.js"))
	size.Dir = filepath.Join(npm, "size")
	return size.Run()
}

// compiler returns the command that compiles a module, and its support code in
// JavaScript, which fits no other compiler or version, as an ES module. What
// that would leave on the global object of the page goes to the argument of the
// function that it exports.
func compiler(name, root string) (command []string, runtime []byte, err error) {
	switch name {
	case "go":
		goroot, err := output("go", "env", "GOROOT")
		if err != nil {
			return nil, nil, err
		}
		runtime, err = goRuntime(filepath.Join(goroot, "lib", "wasm", "wasm_exec.js"))
		return []string{"env", "GOOS=js", "GOARCH=wasm", "go", "build", "-tags=small", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="}, runtime, err
	case "tinygo":
		lines, err := output(filepath.Join(root, "tools", "tinygo", "ensure.sh"))
		if err != nil {
			return nil, nil, err
		}
		compile, support, _ := strings.Cut(lines, "\n")
		runtime, err = tinygoRuntime(support)
		return strings.Fields(compile), runtime, err
	}
	return nil, nil, errors.New("there is no compiler " + name)
}

// tinygoRuntime leaves out what is there for node and for old browsers, and
// adds the try block that jsbridge needs. Timers resume the program as callbacks
// do, so that the loader notices if it dies of one.
func tinygoRuntime(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	_, class, begins := strings.Cut(string(text), "// End of polyfills for common API.\n")
	class, _, ends := strings.Cut(class, "\tif (\n\t\tglobal.require &&")
	const set, timer = "global.Go = ", "this._inst.exports.go_scheduler()"
	if !begins || !ends || strings.Count(class, set) != 1 || strings.Count(class, timer) != 1 {
		return nil, errors.New("wasm_exec.js of this TinyGo is not as expected")
	}
	class = strings.Replace(class, set, "scope.Go = ", 1)
	class = strings.Replace(class, timer, "this._resume()", 1)
	return fmt.Appendf(nil, "const global = globalThis;\n%s\nexport default function (scope) {\nscope.__onerefresh_try__ = tryBlock();\n%s\n}\n", tryBlock, class), nil
}

// tryBlock is what jsbridge/try_tinygo.go looks for.
//
//go:embed try.js
var tryBlock string

func goRuntime(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"fs", "process", "path", "Go"} {
		global := []byte("globalThis." + name + " = ")
		if bytes.Count(text, global) != 1 {
			return nil, errors.New("wasm_exec.js of this toolchain does not set " + name + " as expected")
		}
		text = bytes.ReplaceAll(text, []byte("globalThis."+name+" "), []byte("scope."+name+" "))
		text = bytes.ReplaceAll(text, []byte("globalThis."+name+")"), []byte("scope."+name+")"))
	}
	const write = "\tfs.writeSync("
	if bytes.Count(text, []byte(write)) != 1 {
		return nil, errors.New("wasm_exec.js of this toolchain does not write as expected")
	}
	text = bytes.ReplaceAll(text, []byte(write), []byte("\tscope.fs.writeSync("))
	// What every browser with WebAssembly and private class members has, and what
	// is there for the tests of Go.
	for _, part := range [][2]string{
		{"\tif (!globalThis.crypto) {", "\tconst encoder = "},
		{"\t\t\tconst testCallExport = ", "\t\t\tconst timeOrigin = "},
		{"\t\t\t\t_gotest: {", "\t\t\t\tgojs: {"},
	} {
		from, to := bytes.Index(text, []byte(part[0])), bytes.Index(text, []byte(part[1]))
		if from < 0 || to < from {
			return nil, errors.New("wasm_exec.js of this toolchain has no " + strings.TrimSpace(part[0]) + " where expected")
		}
		text = slices.Delete(text, from, to)
	}
	return fmt.Appendf(nil, "export default function (scope) {\n%s\n}\n", text), nil
}

func command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

func output(name string, args ...string) (string, error) {
	cmd := command(name, args...)
	cmd.Stdout = nil
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
