// Package npmbuild builds what npm has, for tests and measurements.
package npmbuild

// Esbuild is the bundler of the package and of all pages that are tested, for
// go run.
const Esbuild = "github.com/evanw/esbuild/cmd/esbuild@v0.28.2"
