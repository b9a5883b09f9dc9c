package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// licenses returns the licences of what is in the package besides this module's
// own code: the standard library, which is linked into the WebAssembly module
// and whose wasm_exec.js is in the loader, and the modules that are linked; with
// TinyGo, its runtime, which is in both, and the C libraries that it links.
func licenses(root, compiler string) ([]byte, error) {
	goroot, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	list := command("go", "list", "-deps", "-tags", tags[compiler], "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", "./wasm")
	list.Dir = root
	list.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	list.Stdout = nil
	modules, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing what is linked: %w", err)
	}
	parts := []string{"the Go standard library and wasm_exec.js\t" + goroot}
	parts = append(parts, slices.Compact(slices.Sorted(strings.SplitSeq(strings.TrimSpace(string(modules)), "\n")))...)

	text := []byte("The licences of what is in this package besides onerefresh itself, whose licence is in the file LICENSE.\n")
	for _, part := range parts {
		name, dir, ok := strings.Cut(part, "\t")
		if !ok { // no module is linked
			continue
		}
		license, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
		if err != nil {
			return nil, fmt.Errorf("the licence of %s: %w", name, err)
		}
		text = fmt.Appendf(text, "\n---- %s ----\n\n%s", name, license)
	}
	if compiler == "tinygo" {
		more, err := os.ReadFile(filepath.Join(root, "tools", "tinygo", "LICENSES.txt"))
		if err != nil {
			return nil, err
		}
		text = fmt.Appendf(text, "\n%s", more)
	}
	return text, nil
}
