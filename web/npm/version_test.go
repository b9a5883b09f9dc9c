//go:build !(js && wasm)

package npm_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// version returns the name of the section by which the loader knows the module
// that was built with it.
func version(t *testing.T) string {
	t.Helper()
	loader, err := os.ReadFile(filepath.Join(dist, "index.js"))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`onerefresh [0-9][^"]*\+[0-9a-f]{8}`).FindAllString(string(loader), -1)
	if len(names) != 1 {
		t.Fatalf("the loader names %q", names)
	}
	return names[0]
}

// sign makes a module pass for the one that was built with the loader.
func sign(t *testing.T, module []byte) []byte {
	name := version(t)
	return slices.Concat(module, []byte{0, byte(1 + len(name)), byte(len(name))}, []byte(name))
}

// another returns a built file as it is in another version, whose name is that
// of this one with nines.
func another(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dist, file))
	if err != nil {
		t.Fatal(err)
	}
	this := version(t)
	nines := regexp.MustCompile(`[0-9a-f]`).ReplaceAllString(strings.TrimPrefix(this, "onerefresh "), "9")
	if bytes.Count(content, []byte(this)) != 1 {
		t.Fatalf("%s does not have %s once", file, this)
	}
	return bytes.ReplaceAll(content, []byte(this), []byte("onerefresh "+nines))
}

// serve answers with a built file.
func serve(name string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", map[string]string{".js": "text/javascript", ".wasm": "application/wasm"}[filepath.Ext(name)])
		w.Write(content)
	}
}

// While a new version is rolled out, a page may get the loader of one version
// and the module of another.
func TestModuleOfAnotherVersion(t *testing.T) {
	for how, set := range map[string]string{
		"script": ``,
		"esm":    `options.wasmModule = await WebAssembly.compileStreaming(fetch("/dist/onerefresh.wasm"));`,
	} {
		t.Run(how, func(t *testing.T) {
			s := newSite(t)
			s.handle = map[string]http.HandlerFunc{"/dist/onerefresh.wasm": serve("onerefresh.wasm", another(t, "onerefresh.wasm"))}
			page := s.open(how)
			got := eval[outcome](page, set+`
				store(stale);
				window.session = await onerefresh.open(options);
				return outcome(session.getAccessToken());`)
			if !got.Typed || got.Code != "wasm_unavailable" || !strings.Contains(got.Cause, "another version than the script, which is "+version(t)) {
				t.Errorf("got %s", got)
			}
			if n := s.count("/token"); n != 0 {
				t.Errorf("%d requests to the token endpoint", n)
			}
			if got := eval[outcome](page, `store(valid); return outcome(session.getAccessToken())`); got.Value != "stored" {
				t.Errorf("with a valid token: got %s", got)
			}
		})
	}
}

// A page that comes to a new version of the loader may have the old module in
// the cache of the browser, for as long as the server once said.
func TestModuleOfAnotherVersionInTheCache(t *testing.T) {
	for name, set := range map[string]string{
		"":                   ``,
		"with wasmIntegrity": fmt.Sprintf(`options.wasmIntegrity = %q;`, integrity(t, "onerefresh.wasm")),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.modules = []func(http.ResponseWriter){func(w http.ResponseWriter) {
				w.Header().Set("Cache-Control", "max-age=86400")
				serve("onerefresh.wasm", another(t, "onerefresh.wasm"))(w, nil)
			}}
			page := s.open("esm")
			got := eval[outcome](page, set+`
				const {url} = await fetch("/dist/onerefresh.wasm").then(async (r) => (await r.arrayBuffer(), r));
				if (!(await fetch(url, {cache: "only-if-cached", mode: "same-origin"})).ok) return "it is not in the cache";
				store(stale);
				const session = await onerefresh.open(options);
				return outcome(session.getAccessToken());`)
			if got.Value != "a2" {
				t.Errorf("got %s", got)
			}
			if n := s.count("/dist/onerefresh.wasm"); n != 2 {
				t.Errorf("the module was requested %d times", n)
			}
		})
	}
}

// Two parts of a page may each have brought a loader along, and tabs that were
// opened before and after a deployment have different ones.
func TestTwoVersionsShareASession(t *testing.T) {
	const (
		// Each resolves to the two sessions.
		onePage = `
			const one = await onerefresh.open(options), two = await (await import("/other/index.js")).open(options);
			window.sessions = [one, two];`
		withoutLocks = `Object.defineProperty(navigator, "locks", {value: undefined});`
	)
	site := func(t *testing.T) *site {
		s := newSite(t)
		s.handle = map[string]http.HandlerFunc{
			"/other/index.js":        serve("index.js", another(t, "index.js")),
			"/other/onerefresh.wasm": serve("onerefresh.wasm", another(t, "onerefresh.wasm")),
		}
		return s
	}
	for name, prepare := range map[string]string{"web-locks": ``, "tab": withoutLocks} {
		t.Run("in one page/"+name, func(t *testing.T) {
			s := site(t)
			page := s.open("script")
			got := eval[[]string](page, prepare+`store(stale);`+onePage+`
				return [...await Promise.all(sessions.map((s) => s.getAccessToken())), ...sessions.map((s) => s.coordination)];`)
			if want := []string{"a2", "a2", name, name}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			got = eval[[]string](page, `return Promise.all(sessions.map((s) => s.getAccessToken({forceRefresh: true})))`)
			if want := []string{"a3", "a3"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if n := s.count("/token"); n != 2 {
				t.Errorf("%d exchanges for 2 expiries", n)
			}
			left := eval[[]string](page, `
				const told = new Promise((resolve) => sessions[1].addEventListener("signedout", (e) => resolve(e.type)));
				await sessions[0].signOut();
				return [String(sessions[1].signedIn), (await outcome(sessions[1].getAccessToken())).code, await told];`)
			if want := []string{"false", "signed_out", "signedout"}; !slices.Equal(left, want) {
				t.Errorf("after the other has signed out: %q, want %q", left, want)
			}
			for _, path := range []string{"/dist/onerefresh.wasm", "/other/onerefresh.wasm"} {
				if n := s.count(path); n != 1 {
					t.Errorf("%s was requested %d times", path, n)
				}
			}
		})
	}
	t.Run("in two tabs", func(t *testing.T) {
		s := site(t)
		one, two := s.open("esm"), s.open("esm")
		eval[any](one, `store(stale); window.session = await onerefresh.open(options);`)
		eval[any](two, `window.session = await (await import("/other/index.js")).open(options);`)
		for n := 2; n < 5; n++ {
			results := make(chan outcome)
			for _, page := range []tab{one, two} {
				go func() {
					results <- eval[outcome](page, fmt.Sprintf(`return outcome(session.getAccessToken({forceRefresh: %t}))`, n > 2))
				}()
			}
			for range 2 {
				if got := <-results; got.Value != fmt.Sprint("a", n) {
					t.Errorf("got %s, want a%d", got, n)
				}
			}
			if got := s.count("/token"); got != n-1 {
				t.Errorf("%d exchanges for %d expiries", got, n-1)
			}
		}
	})
}

// A version of the future may store its record in another format. What cannot
// be read is left alone, and nobody is signed out for it.
func TestRecordOfAnotherFormatIsLeftAlone(t *testing.T) {
	s := newSite(t)
	page := s.open("esm")
	const record = `{"v":2,"generation":7,"tokens":{"refresh":"r1"}}`
	got := eval[[]outcome](page, fmt.Sprintf(`
		localStorage.setItem("onerefresh:s", %q);
		const session = await onerefresh.open(options);
		let told = 0;
		session.addEventListener("signedout", () => told++);
		const outcomes = [await outcome(session.getAccessToken()), await outcome(session.getAccessToken({forceRefresh: true}))];
		return [...outcomes, await outcome(localStorage.getItem("onerefresh:s")), {value: told}];`, record))
	for _, o := range got[:2] {
		if !o.Typed || o.Code != "misconfigured" {
			t.Errorf("got %s", o)
		}
	}
	if got[2].Value != record || got[3].Value != 0.0 || s.count("/token") != 0 {
		t.Errorf("the record is %v, there were %v sign-outs and %d requests to the token endpoint", got[2].Value, got[3].Value, s.count("/token"))
	}
}
