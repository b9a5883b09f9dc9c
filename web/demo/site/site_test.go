package site_test

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
	"github.com/onerefresh/onerefresh/web/demo/site"
)

func get(t *testing.T, h http.Handler, path string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	response := w.Result()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestTypes(t *testing.T) {
	dist := t.TempDir()
	for _, name := range []string{"index.js", "onerefresh.wasm"} {
		if err := os.WriteFile(filepath.Join(dist, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := site.Handler(authserver.New(authserver.Settings{}), dist)
	for path, want := range map[string]string{
		"/":                     "text/html; charset=utf-8",
		"/tab":                  "text/html; charset=utf-8",
		"/tab?mode=none":        "text/html; charset=utf-8",
		"/style.css":            "text/css; charset=utf-8",
		"/control.js":           "text/javascript; charset=utf-8",
		"/favicon.svg":          "image/svg+xml",
		"/dist/index.js":        "text/javascript; charset=utf-8",
		"/dist/onerefresh.wasm": "application/wasm",
		"/authorize.css":        "text/css; charset=utf-8",
		"/demo/ledger":          "application/json",
	} {
		response, _ := get(t, h, path)
		if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s: %s, %q, want %q", path, response.Status, got, want)
		}
	}
	if response, _ := get(t, h, "/resource"); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("/resource: %s", response.Status)
	}
}

// A page under the policy must bring everything along as files.
func TestPagesKeepThePolicy(t *testing.T) {
	h := site.Handler(authserver.New(authserver.Settings{}), t.TempDir())
	inline := regexp.MustCompile(`<script(?:>| [^>]*>)\s*\S[^<]*</script>|<style|\s(?:style|on\w+)=|javascript:|https?://`)
	for _, path := range []string{"/", "/tab"} {
		response, body := get(t, h, path)
		policy := response.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'; script-src 'self' 'wasm-unsafe-eval';") || strings.Contains(policy, "unsafe-inline") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if found := inline.FindString(body); found != "" {
			t.Errorf("%s has %q", path, found)
		}
	}
}

// Every file that a page or a module names is there.
func TestReferences(t *testing.T) {
	h := site.Handler(authserver.New(authserver.Settings{}), t.TempDir())
	reference := regexp.MustCompile(`(?:from |src=|href=)"([./][^"]*\.\w+)"`)
	found := 0
	err := fs.WalkDir(os.DirFS("page"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, body := get(t, h, "/"+strings.TrimSuffix(name, "index.html"))
		for _, match := range reference.FindAllStringSubmatch(body, -1) {
			found++
			if response, _ := get(t, h, path.Join("/", match[1])); response.StatusCode != http.StatusOK {
				t.Errorf("%s names %s: %s", name, match[1], response.Status)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 15 {
		t.Errorf("only %d references found", found)
	}
}

func TestNotBuilt(t *testing.T) {
	h := site.Handler(authserver.New(authserver.Settings{}), filepath.Join(t.TempDir(), "none"))
	response, body := get(t, h, "/dist/index.js")
	if response.StatusCode != http.StatusNotFound || !strings.Contains(body, "make npm") {
		t.Errorf("%s: %q", response.Status, body)
	}
}
