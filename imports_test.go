//go:build !(js && wasm)

package onerefresh_test

import (
	"go/build"
	"slices"
	"testing"
)

// A page downloads what this package imports.
func TestRootImportsNothingHeavy(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	light := []string{"context", "errors", "maps", "math/rand/v2", "strconv", "strings", "sync", "time"}
	for _, path := range pkg.Imports {
		if !slices.Contains(light, path) {
			t.Errorf("imports %s", path)
		}
	}
	if len(pkg.IgnoredGoFiles) > 0 {
		t.Errorf("files with build tags: %v", pkg.IgnoredGoFiles)
	}
}
