//go:build !(js && wasm)

package examples

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The recipes fit the types of the package, and of the packages that they are for.
func TestTypes(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(filepath.Join("node_modules", ".bin", "tsc"), "--project", ".").CombinedOutput()
	if err != nil {
		t.Errorf("tsc: %v\n%s", err, out)
	}
}

// No recipe is left out: a page with it was opened by a test.
func TestEveryRecipeIsInABundle(t *testing.T) {
	for _, pattern := range []string{"*.ts", "*.tsx", "*.js"} {
		recipes, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, recipe := range recipes {
			if recipe != "env.d.ts" && !slices.Contains(inputs, recipe) {
				t.Errorf("%s is in no bundle", recipe)
			}
		}
	}
}
