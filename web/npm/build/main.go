// Command build fills web/npm/dist: the WebAssembly module, the loader for the
// script tag and as an ES module, the types, and the licences. With the standard
// compiler it needs nothing but Go.
package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/onerefresh/onerefresh/internal/npmbuild"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("build: ")
	dist := flag.String("o", "", "folder to fill (default web/npm/dist)")
	sizes := flag.Bool("sizes", true, "print what a page downloads, and fail if that is more than the budget of the compiler allows")
	compiler := flag.String("compiler", cmp.Or(os.Getenv("COMPILER"), "tinygo"), "what compiles the module: go or tinygo; the default is that of the environment variable COMPILER")
	program := flag.String("program", "", "compile the program in this `folder` in place of the module, and nothing else, to the file that -o names")
	flag.Parse()
	var err error
	if *program != "" {
		err = compileProgram(*dist, *compiler, *program)
	} else {
		err = build(*dist, *compiler, *sizes)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// compileProgram is for tests of what the loader makes of other programs.
func compileProgram(file, name, folder string) error {
	root, err := projectRoot()
	if err != nil {
		return err
	}
	compile, _, err := compiler(name, root)
	if err != nil {
		return err
	}
	content, err := module(root, name, compile, folder)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

func projectRoot() (string, error) {
	return output("go", "list", "-m", "-f", "{{.Dir}}", "github.com/onerefresh/onerefresh")
}

func build(dist, name string, sizes bool) error {
	root, err := projectRoot()
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
	wasm, err := module(root, name, compile, filepath.Join(root, "wasm"))
	if err != nil {
		return err
	}
	wasm, mark, err := signed(wasm, filepath.Join(npm, "package.json"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temp, "onerefresh.wasm"), wasm, 0o644); err != nil {
		return err
	}

	runtime = fmt.Appendf(runtime, "export const build = %q;\n", mark)
	if err := os.WriteFile(filepath.Join(temp, "wasm_exec.js"), runtime, 0o644); err != nil {
		return err
	}
	bundle := func(name, entry string, flags ...string) error {
		cmd := command("go", append([]string{"run", npmbuild.Esbuild, filepath.Join(src, entry), "--outfile=" + filepath.Join(temp, name),
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

	types := []string{"index.d.ts", "onerefresh.d.ts", "formats.d.ts", "onerefresh-formats.d.ts"}
	for _, name := range types {
		text, err := os.ReadFile(filepath.Join(src, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(temp, name), text, 0o644); err != nil {
			return err
		}
	}

	notices, err := licenses(root, name)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temp, "LICENSES.txt"), notices, 0o644); err != nil {
		return err
	}

	for _, name := range append(types, "onerefresh.wasm", "index.js", "onerefresh.js", "formats.js", "onerefresh-formats.js", "LICENSES.txt") {
		if err := os.Rename(filepath.Join(temp, name), filepath.Join(dist, name)); err != nil {
			return err
		}
	}
	by, err := version(compile)
	if err != nil {
		return err
	}
	fmt.Println("the module is compiled by", by)
	if !sizes {
		return nil
	}
	budget := filepath.Join(npm, "budget-"+name+".txt")
	if compile[0] == "tinygo" {
		budget = "" // a release of TinyGo, without the patch, makes a larger module
	}
	size := command("go", "run", ".", "-budget", budget, filepath.Join(dist, "onerefresh.wasm"), filepath.Join(dist, "index.js"), filepath.Join(dist, "onerefresh.js"))
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
		text, err := output(filepath.Join(root, "tools", "tinygo", "ensure.sh"))
		if err != nil {
			return nil, nil, err
		}
		lines := strings.Split(text, "\n")
		runtime, err = tinygoRuntime(lines[0])
		return lines[1:], runtime, err
	}
	return nil, nil, errors.New("there is no compiler " + name)
}

// tinygoRuntime leaves out what is there for node and for old browsers, and adds
// what tinygo.js has.
func tinygoRuntime(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	_, class, begins := strings.Cut(string(text), "\tconst encoder = ")
	class, _, ends := strings.Cut(class, "\n})();")
	class, isSet := replaced(class, "globalThis.Go =", "", "scope.Go =")
	class, sleeps := replaced(class, "\t\t\t\t\t\tsetTimeout(", "/ 1e6);\n", "wakeUp(this, timeout);\n")
	class, waits := replaced(class, "this._pendingEvent = null;", "", "stackEvents(this);")
	if !begins || !ends || !isSet || !sleeps || !waits {
		return nil, errors.New("wasm_exec.js of this TinyGo is not that of version 0.42")
	}
	return fmt.Appendf(nil, "%s\nexport default function (scope) {\nscope.__onerefresh_try__ = tryBlock();\nconst encoder = %s\n}\n", tinygoJS, class), nil
}

//go:embed tinygo.js
var tinygoJS string

// replaced puts with in place of what is between from and to, those included, if
// from is there once.
func replaced(text, from, to, with string) (string, bool) {
	before, rest, found := strings.Cut(text, from)
	_, after, ends := strings.Cut(rest, to)
	return before + with + after, found && ends && !strings.Contains(after, from)
}

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
	for _, part := range superfluous {
		if n := len(part.regexp.FindAll(text, -1)); n != part.count {
			return nil, fmt.Errorf("wasm_exec.js of this toolchain has %d %s, not %d", n, part.what, part.count)
		}
		text = part.regexp.ReplaceAll(text, nil)
	}
	return fmt.Appendf(nil, "export default function (scope) {\n%s\n}\n", text), nil
}

// superfluous is what a page would download for nothing: every browser that has
// WebAssembly has the globals, and nothing in the module opens a file.
var superfluous = []struct {
	what   string
	regexp *regexp.Regexp
	count  int
}{
	{"tests for globals", regexp.MustCompile(`(?s)\tif \(!globalThis\.\w+\) \{\n\t\tthrow new Error\("globalThis.*?\n\t\}\n`), 4},
	{"parts for the tests of Go", regexp.MustCompile(`(?s)\t\t\tconst testCallExport = .*?\n\t\t\t\}\n|\t\t\t\t_gotest: .*?\n\t\t\t\t\},\n`), 2},
	{"checks of what the loader passes", regexp.MustCompile(`(?s)\t\t\tif \(!\(instance instanceof .*?\n\t\t\t\}\n|\t\t\tconst wasmMinDataAddr = .*?\n\t\t\t\}\n`), 2},
	{"functions of process", regexp.MustCompile(`\t\t\t\w+\(\) \{ throw enosys\(\); \},\n`), 4},
	{"functions of fs", regexp.MustCompile(`\t\w+\([\w, ]+\) \{ callback\((enosys\(\)|null)\); \},\n`), 23},
}

// signed returns the module with a section whose name is like no other module's,
// and the name: the loader runs the module that has it, and no other.
// See https://webassembly.github.io/spec/core/binary/modules.html#custom-section.
func signed(module []byte, manifest string) (with []byte, name string, err error) {
	var pkg struct{ Version string }
	text, err := os.ReadFile(manifest)
	if err != nil {
		return nil, "", err
	}
	if err := json.Unmarshal(text, &pkg); err != nil {
		return nil, "", fmt.Errorf("%s: %w", manifest, err)
	}
	sum := sha256.Sum256(module)
	name = fmt.Sprintf("onerefresh %s+%x", pkg.Version, sum[:4])
	if len(name) > 126 { // lengths of one byte
		return nil, "", fmt.Errorf("%s: the version is too long", manifest)
	}
	return slices.Concat(module, []byte{0, byte(1 + len(name)), byte(len(name))}, []byte(name)), name, nil
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
