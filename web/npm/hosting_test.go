//go:build !(js && wasm)

package npm_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// elsewhere returns a site whose pages load onerefresh from an origin of its
// own, by a tag.
func elsewhere(t *testing.T, tag string, altered map[string]http.HandlerFunc) (page, cdn *site) {
	page, cdn = newSite(t), newSite(t)
	cdn.handle = altered
	page.csp = fmt.Sprintf("%s %s 'wasm-unsafe-eval'; connect-src 'self' %[2]s", strict, cdn.URL)
	tag = strings.ReplaceAll(tag, "CDN", cdn.URL)
	page.handle = map[string]http.HandlerFunc{
		"/": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", page.csp)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, "<!doctype html><title>%s</title><script src=/page.js></script>%s", t.Name(), tag)
		},
		"/load-from-cdn.js": serve("load.js", fmt.Appendf(nil, `import * as onerefresh from "%s/dist/index.js"; window.onerefresh = onerefresh;`, cdn.URL)),
	}
	return page, cdn
}

// The files may be on another origin that allows it.
// https://fetch.spec.whatwg.org/#http-cors-protocol
func TestSecondOrigin(t *testing.T) {
	t.Parallel()
	const refresh = `
		store(stale);
		const session = await onerefresh.open(options);
		return outcome(session.getAccessToken());`
	script := fmt.Sprintf(`<script src="CDN/dist/onerefresh.js" integrity="%s" crossorigin></script>`, integrity(t, "onerefresh.js"))
	wasmIntegrity := fmt.Sprintf(`options.wasmIntegrity = %q;`, integrity(t, "onerefresh.wasm"))
	for name, c := range map[string]struct{ tag, set string }{
		"script tag with integrity": {script, wasmIntegrity},
		"ES module":                 {`<script type="module" src="/load-from-cdn.js"></script>`, wasmIntegrity},
		"script tag without":        {`<script src="CDN/dist/onerefresh.js"></script>`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cdn := elsewhere(t, c.tag, nil)
			if got := eval[outcome](s.open(""), c.set+refresh); got.Value != "a2" {
				t.Errorf("got %s", got)
			}
			if n := cdn.count("/dist/onerefresh.wasm"); n != 1 || s.count("/token") != 1 {
				t.Errorf("the module was requested %d times, and there were %d exchanges", n, s.count("/token"))
			}
		})
	}

	module := another(t, "onerefresh.wasm") // any change will do
	for name, altered := range map[string]http.HandlerFunc{
		"that does not allow it": serve("onerefresh.wasm", module),
		"with an altered module": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			serve("onerefresh.wasm", module)(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := elsewhere(t, script, map[string]http.HandlerFunc{"/dist/onerefresh.wasm": altered})
			got := eval[outcome](s.open(""), wasmIntegrity+refresh)
			if !got.Typed || got.Code != "wasm_unavailable" || got.Cause != "Failed to fetch" {
				t.Errorf("got %s", got)
			}
			if n := s.count("/token"); n != 0 {
				t.Errorf("%d exchanges", n)
			}
		})
	}
	t.Run("with an altered script", func(t *testing.T) {
		t.Parallel()
		s, _ := elsewhere(t, script, map[string]http.HandlerFunc{"/dist/onerefresh.js": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			serve("onerefresh.js", another(t, "onerefresh.js"))(w, r)
		}})
		if got := eval[string](s.open(""), `return typeof window.onerefresh`); got != "undefined" {
			t.Error("the script was run")
		}
	})
}

// To import it does nothing in a worker, and a session is not opened there.
func TestWorker(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.csp = "script-src 'self' 'wasm-unsafe-eval'"
	const report = `
		addEventListener("message", async () => {
			const error = await onerefresh.open({name: "s", tokenEndpoint: "/token", clientId: "c"}).catch((error) => error);
			postMessage([error.code, String(error instanceof onerefresh.OneRefreshError)].join());
		});`
	s.handle = map[string]http.HandlerFunc{
		"/module.js":  serve("module.js", []byte(`import * as onerefresh from "/dist/index.js";`+report)),
		"/classic.js": serve("classic.js", []byte(`importScripts("/dist/onerefresh.js");`+report)),
	}
	page := s.open("esm")
	for _, kind := range []string{"module", "classic"} {
		got := eval[string](page, fmt.Sprintf(`
			const worker = new Worker("/%s.js", {type: %[1]q});
			return new Promise((resolve) => {
				worker.onmessage = (e) => resolve(e.data);
				worker.onerror = (e) => resolve(e.message ?? "it does not load");
				worker.postMessage("");
			});`, kind))
		if got != "misconfigured,true" {
			t.Errorf("%s worker: got %q", kind, got)
		}
	}
	if s.count("/dist/onerefresh.wasm") != 0 {
		t.Error("the module was requested")
	}
}

func TestServerSideRendering(t *testing.T) {
	t.Parallel()
	installForBundlers(t)
	cmd := exec.Command(node(t), "server.js")
	cmd.Dir = "bundlers"
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		HTML  string
		Codes []any
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if got.HTML != "<p>Hello</p><p>Hello</p>" || len(got.Codes) != 1 || got.Codes[0] != "misconfigured" {
		t.Errorf("got %+v", got)
	}
}

// What docs/hosting.md tells to write is what the tests of bundlers have.
func TestHostingPageQuotesWhatIsTested(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/hosting.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"esbuild/main.js", "rollup/rollup.config.js", "webpack/webpack.config.js", "next/app/account.jsx"} {
		content, err := os.ReadFile(filepath.Join("bundlers", name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), string(content)) {
			t.Errorf("it does not have %s as it is", name)
		}
	}
	for _, b := range bundlers {
		line := strings.ReplaceAll(strings.Join(append([]string{b.name}, b.args...), " "), "%s", "dist")
		if b.name == "esbuild" && !strings.Contains(string(page), line) {
			t.Errorf("it does not have %s", line)
		}
	}

	hash := regexp.MustCompile(`(?m)^node -p '(.*)'$`).FindSubmatch(page)
	if hash == nil {
		t.Fatal("it does not say how to come by a hash")
	}
	cmd := exec.Command(node(t), "-p", string(hash[1]))
	cmd.Dir = filepath.Dir(dist)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if got, want := strings.TrimSpace(string(out)), integrity(t, "onerefresh.wasm"); got != want {
		t.Errorf("the hash is %q, want %q (%v)", got, want, err)
	}
}
