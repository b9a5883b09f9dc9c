//go:build !(js && wasm)

package jsbridge_test

import (
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestModule looks at every Go file of the module, whatever it is built for.
func TestModule(t *testing.T) {
	const root = ".."
	files := 0
	if err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if name != "." && (err == nil || name == ".git" || entry.Name() == "node_modules") {
				return filepath.SkipDir // another module, or none
			}
		case filepath.Ext(path) == ".go":
			files++
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, problem := range problems(t, filepath.ToSlash(name), string(source)) {
				t.Errorf("%s: %s", name, problem)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("there are %d files only", files)
	}
}

// problems returns what is wrong with the file of that name.
func problems(t *testing.T, name, source string) (list []string) {
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		raw := path == "syscall/js" || strings.HasPrefix(path, "github.com/hack-pad/safejs")
		if raw && !strings.HasPrefix(name, "jsbridge/") {
			list = append(list, "imports "+path+", which is for jsbridge alone")
		}
	}

	build := ""
	for line := range strings.Lines(source[:int(file.Package)-1]) {
		if line = strings.TrimSpace(line); constraint.IsGoBuild(line) {
			build = line
		}
	}
	about := strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test"), "_js")
	if build != "" {
		expr, err := constraint.Parse(build)
		if err != nil {
			t.Fatal(err)
		}
		expr.Eval(func(tag string) bool {
			about = about || tag == "js" || tag == "wasm"
			return false
		})
	}
	// jsbridge knows what TinyGo lacks, and what is too large for a page, so that
	// nothing else has to.
	try := strings.HasPrefix(name, "jsbridge/try") && strings.HasPrefix(build, "//go:build js && wasm && ")
	if about && !try && build != "//go:build js && wasm" && build != "//go:build !(js && wasm)" {
		list = append(list, "the constraint is "+strconv.Quote(build)+", which is none of those for js and wasm")
	}
	return list
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name, source string
		want         int
	}{
		{"a.go", "package a", 0},
		{"a.go", "package a\nimport \"os\"", 0},
		{"a/a.go", "package a\nimport \"syscall/js\"", 1},
		{"a/a_test.go", "package a\nimport _ \"github.com/hack-pad/safejs\"", 1},
		{"jsbridge/a.go", "package a\nimport \"syscall/js\"", 0},
		{"a.go", "//go:build js && wasm\n\npackage a", 0},
		{"a.go", "//go:build !(js && wasm)\n\npackage a", 0},
		{"a.go", "// Package a is.\n\n//go:build js\n\npackage a", 1},
		{"a.go", "//go:build !js\n\npackage a", 1},
		{"a.go", "//go:build unix && !wasm\n\npackage a", 1},
		{"a.go", "//go:build unix\n\npackage a", 0},
		{"a_js.go", "package a", 1},
		{"jsbridge/a.go", "//go:build js && wasm && tinygo\n\npackage a", 1},
		{"jsbridge/try_a.go", "//go:build js && wasm && tinygo\n\npackage a", 0},
		{"a_js_test.go", "package a", 1},
		{"a_js.go", "//go:build js && wasm\n\npackage a", 0},
	} {
		if got := problems(t, c.name, c.source); len(got) != c.want {
			t.Errorf("%s with %q has the problems %q, want %d", c.name, c.source, got, c.want)
		}
	}
}
