//go:build !(js && wasm)

package handoff

import (
	"embed"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed testdata
var testdata embed.FS

// Pages returns a handler that serves the page of a tab at /, and what it
// takes to run the program tab in it, which is built in the folder dir.
func Pages(dir string) (http.Handler, error) {
	wasm := filepath.Join(dir, "tab.wasm")
	build := exec.Command("go", "build", "-o", wasm, "github.com/onerefresh/onerefresh/e2e/handoff/tab")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build tab: %w\n%s", err, out)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	support := filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js")
	mux := http.NewServeMux()
	serve := func(pattern, file string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	}
	page := func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, testdata, "testdata/page.html") }
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /mechanisms.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, testdata, "testdata/mechanisms.js")
	})
	serve("GET /wasm_exec.js", support)
	serve("GET /tab.wasm", wasm)
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><title>away</title>")
	})
	mux.HandleFunc("GET /opaque", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "sandbox allow-scripts")
		page(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*") // to a page of an opaque origin, all others are
		mux.ServeHTTP(w, r)
	}), nil
}
