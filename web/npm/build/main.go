// Command build fills web/npm/dist: the WebAssembly module, the loader for the
// script tag and as an ES module, and the types. It needs nothing but Go.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const esbuild = "github.com/evanw/esbuild/cmd/esbuild@v0.28.2"

func main() {
	log.SetFlags(0)
	log.SetPrefix("build: ")
	dist := flag.String("o", "", "folder to fill (default web/npm/dist)")
	sizes := flag.Bool("sizes", true, "print what a page downloads, and fail if that is more than budget.txt allows")
	flag.Parse()
	if err := build(*dist, *sizes); err != nil {
		log.Fatal(err)
	}
}

func build(dist string, sizes bool) error {
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

	wasm := command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=",
		"-o", filepath.Join(temp, "onerefresh.wasm"), "./wasm")
	wasm.Dir = root
	wasm.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if err := wasm.Run(); err != nil {
		return fmt.Errorf("compiling the module: %w", err)
	}
	if err := os.Chmod(filepath.Join(temp, "onerefresh.wasm"), 0o644); err != nil {
		return err
	}

	runtime, err := wasmExec()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temp, "wasm_exec.js"), runtime, 0o644); err != nil {
		return err
	}
	bundle := func(name string, flags ...string) error {
		cmd := command("go", append([]string{"run", esbuild, filepath.Join(src, "index.js"), "--outfile=" + filepath.Join(temp, name),
			"--bundle", "--minify", "--target=es2022", "--legal-comments=none", "--log-level=warning",
			"--alias:wasm_exec=" + filepath.Join(temp, "wasm_exec.js")}, flags...)...)
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("bundling %s: %w", name, err)
		}
		return nil
	}
	if err := bundle("index.js", "--format=esm"); err != nil {
		return err
	}
	if err := bundle("onerefresh.js", "--format=iife", "--global-name=onerefresh",
		"--inject:"+filepath.Join(src, "script.js"), "--define:import.meta.url=scriptURL"); err != nil {
		return err
	}

	types, err := os.ReadFile(filepath.Join(src, "index.d.ts"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temp, "index.d.ts"), types, 0o644); err != nil {
		return err
	}

	for _, name := range []string{"onerefresh.wasm", "index.js", "onerefresh.js", "index.d.ts"} {
		if err := os.Rename(filepath.Join(temp, name), filepath.Join(dist, name)); err != nil {
			return err
		}
	}
	if !sizes {
		return nil
	}
	size := command("go", "run", ".", "-budget", filepath.Join(npm, "budget.txt"), filepath.Join(dist, "onerefresh.wasm"), filepath.Join(dist, "index.js"), filepath.Join(dist, "onerefresh.js"))
	size.Dir = filepath.Join(npm, "size")
	return size.Run()
}

// wasmExec returns the support code of the toolchain that compiles the module,
// which no other version fits, as an ES module. What it would leave on the
// global object of the page goes to the argument of the function it exports.
func wasmExec() ([]byte, error) {
	goroot, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(goroot, "lib", "wasm", "wasm_exec.js"))
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
