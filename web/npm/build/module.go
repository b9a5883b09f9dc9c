package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// tags are those by which each compiler chooses files.
var tags = map[string]string{"go": "small", "tinygo": "tinygo"}

// module returns what a compiler makes of the program in a folder. The newest
// one of each is kept in bin/modules: TinyGo takes half a minute, and every
// package of tests wants the same.
func module(root, compiler string, compile []string, folder string) ([]byte, error) {
	sum, err := sources(root, compiler, compile, folder)
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(root, "bin", "modules")
	name := filepath.Join(bin, filepath.Base(folder)+"-"+compiler+"-")
	kept := fmt.Sprintf("%s%x.wasm", name, sum[:8])
	if content, err := os.ReadFile(kept); !errors.Is(err, os.ErrNotExist) {
		return content, err
	}
	if err := os.MkdirAll(bin, 0o777); err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp(bin, ".build")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	made := filepath.Join(temp, "module.wasm")
	build := command(compile[0], append(compile[1:], "-o", made, folder)...)
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("compiling %s: %w", folder, err)
	}
	content, err := os.ReadFile(made)
	if err != nil {
		return nil, err
	}
	older, _ := filepath.Glob(name + "*.wasm")
	for _, old := range older {
		os.Remove(old)
	}
	return content, os.Rename(made, kept)
}

// version returns what the compiler that the command calls says about itself.
func version(compile []string) (string, error) {
	before := compile[1:slices.Index(compile, "build")]
	return output(compile[0], append(slices.Clone(before), "version")...)
}

// sources returns a hash of all that a module depends on: the compiler, how it
// is called, and the files of the program.
func sources(root, compiler string, compile []string, folder string) ([]byte, error) {
	compilerVersion, err := version(compile)
	if err != nil {
		return nil, fmt.Errorf("the version of %s: %w", compiler, err)
	}
	list := command("go", "list", "-deps", "-tags", tags[compiler], "-f",
		`{{if not .Standard}}{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}`, folder)
	list.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	list.Stdout = nil
	files, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s: %w", folder, err)
	}
	sum := sha256.New()
	// Not what is before it: PATH is another one in a test.
	fmt.Fprintf(sum, "%s\n%q\n", compilerVersion, compile[slices.Index(compile, "build"):])
	tinygo, err := filepath.Glob(filepath.Join(root, "tools", "tinygo", "*.*"))
	if err != nil {
		return nil, err
	}
	tinygo = append(tinygo, filepath.Join(root, "tools", "tinygo", "context", "context.go"))
	for _, path := range append(strings.Split(strings.TrimSpace(string(files)), "\n"), tinygo...) {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(sum, path)
		_, err = io.Copy(sum, file)
		file.Close()
		if err != nil {
			return nil, err
		}
	}
	return sum.Sum(nil), nil
}
