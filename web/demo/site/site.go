// Package site serves the demonstration's pages, the authorization server that
// they speak to, and the built npm package.
package site

import (
	"embed"
	"io/fs"
	"net/http"
	"path"

	"github.com/onerefresh/onerefresh/web/demo/bff"
)

//go:embed page
var embedded embed.FS

// policy lets nothing in but what is served here, and WebAssembly.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// types are set here because package mime believes the operating system: some
// have .js as text/plain, and do not know .wasm.
var types = map[string]string{
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
}

// Handler returns the whole site: the control page at /, the page of a tab at
// /tab, the files of the folder dist below /dist/, package bff below /bff/, and
// auth at the paths that [authserver.Server] lists.
//
// [authserver.Server]: https://pkg.go.dev/github.com/onerefresh/onerefresh/web/demo/authserver#Server
func Handler(auth http.Handler, dist string) http.Handler {
	page, err := fs.Sub(embedded, "page")
	if err != nil {
		panic(err) // the name is not valid
	}
	mux := http.NewServeMux()
	for _, path := range []string{"/authorize", "/authorize.css", "/token", "/revoke", "/resource", "/demo/"} {
		mux.Handle(path, auth)
	}
	mux.Handle("/bff/", bff.Handler())
	mux.Handle("/", static(http.FileServerFS(page)))
	mux.Handle("/tab", static(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, page, "tab.html")
	})))
	mux.Handle("/dist/", http.StripPrefix("/dist/", static(built(dist))))
	return mux
}

func static(files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-cache") // what was rebuilt shows on reload
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		if t := types[path.Ext(r.URL.Path)]; t != "" {
			h.Set("Content-Type", t)
		}
		files.ServeHTTP(w, r)
	})
}

// built serves the npm package, or says how to come by it.
func built(dist string) http.Handler {
	root := http.Dir(dist)
	files := http.FileServer(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := root.Open("index.js")
		if err != nil {
			http.Error(w, "The npm package is not built. Run make npm in the root of the module, then reload.", http.StatusNotFound)
			return
		}
		f.Close()
		files.ServeHTTP(w, r)
	})
}
