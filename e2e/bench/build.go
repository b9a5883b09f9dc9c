//go:build !(js && wasm)

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/onerefresh/onerefresh/internal/npmbuild"
)

// A size is in bytes.
type size struct{ Raw, Gzip, Brotli int }

func (a size) add(b size) size { return size{a.Raw + b.Raw, a.Gzip + b.Gzip, a.Brotli + b.Brotli} }

// build bundles a page's script for each peer into the folder, compresses all of
// it, and returns the sizes by the names of the files.
func build(root, folder string, compilers []string) (map[string]size, error) {
	bench := filepath.Join(root, "e2e", "bench")
	entries, err := filepath.Glob(filepath.Join(bench, "peers", "*.js"))
	if err != nil {
		return nil, err
	}
	var files []string
	for i, compiler := range compilers {
		into, dist := folder, filepath.Join(folder, "dist-"+compiler)
		if i > 0 {
			// The same page once more, with another module.
			into, entries = filepath.Join(folder, compiler), []string{filepath.Join(bench, "peers", "onerefresh.js")}
		}
		if err := npmbuild.Into(dist, "-compiler", compiler); err != nil {
			return nil, err
		}
		args := append([]string{"run", npmbuild.Esbuild}, entries...)
		args = append(args, "--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none", "--log-level=warning",
			"--outdir="+into, "--external:"+filepath.Join(root, "web/demo/site/page/dist/*"), "--external:node:*", "--alias:onerefresh="+filepath.Join(dist, "index.js"))
		if err := run(bench, "go", args...); err != nil {
			return nil, err
		}
		// Where the bundle looks for it.
		module, err := os.ReadFile(filepath.Join(dist, "onerefresh.wasm"))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(into, "onerefresh.wasm"), module, 0o666); err != nil {
			return nil, err
		}
		for _, entry := range entries {
			files = append(files, filepath.Join(into, filepath.Base(entry)))
		}
		files = append(files, filepath.Join(into, "onerefresh.wasm"))
	}
	return compress(root, folder, files)
}

func compress(root, folder string, files []string) (map[string]size, error) {
	sizes := map[string]size{}
	var out bytes.Buffer
	cmd := exec.Command("go", append([]string{"run", ".", "-br"}, files...)...)
	cmd.Dir = filepath.Join(root, "web", "npm", "size")
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%v: %w", cmd, err)
	}
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")[1:]
	if len(rows) != len(files) {
		return nil, fmt.Errorf("%d sizes of %d files", len(rows), len(files))
	}
	for i, row := range rows {
		name, err := filepath.Rel(folder, files[i])
		if err != nil {
			return nil, err
		}
		var ignored string
		var s size
		if _, err := fmt.Sscan(row, &ignored, &s.Raw, &s.Gzip, &s.Brotli); err != nil {
			return nil, fmt.Errorf("%q: %w", row, err)
		}
		sizes[filepath.ToSlash(name)] = s
	}
	return sizes, nil
}

func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%v: %w", cmd, err)
	}
	return nil
}
