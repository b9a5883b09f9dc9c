//go:build !(js && wasm)

package npmbuild

import (
	"fmt"
	"os"
	"os/exec"
)

// Into fills folder with what a page loads, compiled by what the environment
// variable COMPILER names, unless a flag of web/npm/build says something else.
func Into(folder string, flags ...string) error {
	const program = "github.com/onerefresh/onerefresh/web/npm/build"
	cmd := exec.Command("go", append([]string{"run", program, "-sizes=false", "-o", folder}, flags...)...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go run %s: %w", program, err)
	}
	return nil
}
