//go:build !(js && wasm)

package npm_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
	"github.com/onerefresh/onerefresh/internal/npmbuild"
)

var (
	dist     string // what the build command makes of the sources as they are
	compiler = cmp.Or(os.Getenv("COMPILER"), "tinygo")
	browser  context.Context
)

func TestMain(m *testing.M) {
	log.SetFlags(0)
	os.Exit(run(m))
}

func run(m *testing.M) int {
	temp, err := os.MkdirTemp("", "onerefresh")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	dist = filepath.Join(temp, "dist")
	if err := npmbuild.Into(dist); err != nil {
		log.Print(err)
		return 1
	}
	var end context.CancelFunc
	browser, end, err = chromium.Start(context.Background(), chromium.Unthrottled, chromedp.IgnoreCertErrors)
	if err != nil {
		log.Print(err)
		return 1
	}
	defer end()
	return m.Run()
}

// A site is an origin of its own, with pages that load onerefresh, a token
// endpoint that rotates refresh tokens, and an API that wants an access token.
type site struct {
	*httptest.Server
	t    *testing.T
	done chan struct{} // closed when the test is over

	// Set before the first request.
	mimeType string                      // of the module; default application/wasm
	csp      string                      // default strict, with WebAssembly
	prelude  string                      // runs in each page before anything else
	handle   map[string]http.HandlerFunc // further paths

	mu       sync.Mutex
	modules  []func(http.ResponseWriter) // answers to the next requests for the module, in place of the module
	requests map[string]int              // by path
	refresh  string                      // the refresh token that is good
	hold     chan struct{}               // if set, the token endpoint answers when it is closed
	accept   func(token string) bool     // by the API
	refuse   string                      // WWW-Authenticate of the API
	seen     []string                    // method, Authorization and body of requests to the API
}

func newSite(t *testing.T) *site {
	s := &site{t: t, done: make(chan struct{}), mimeType: "application/wasm", csp: strict + " 'wasm-unsafe-eval'", refresh: "r1", requests: make(map[string]int)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	for path := range scripts {
		mux.HandleFunc("GET "+path, s.script)
	}
	mux.HandleFunc("GET /dist/{file}", s.file)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("/api", s.api)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests[r.URL.Path]++
		s.mu.Unlock()
		if handle := s.handle[r.URL.Path]; handle != nil {
			handle(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	s.URL = alone(s.URL)
	t.Cleanup(func() {
		close(s.done)
		s.Close()
	})
	return s
}

var alones atomic.Int32

// alone puts a name that was never used before in place of the address in the
// URL of a server. Its port may have been that of a server before, and all pages
// have one browser, which would have kept what that stored.
// https://www.rfc-editor.org/rfc/rfc6761#section-6.3
func alone(url string) string {
	return strings.Replace(url, "127.0.0.1", fmt.Sprintf("site%d.localhost", alones.Add(1)), 1)
}

// strict is what a careful page allows itself: no inline script, no eval, no
// worker, and no way from a text to a script.
const strict = "worker-src 'none'; object-src 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'; script-src 'self'"

// page loads onerefresh, and leaves it in window.onerefresh.
func (s *site) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", s.csp)
	load := `<script type="module" src="/load.js"></script>`
	if r.FormValue("how") == "script" {
		load = fmt.Sprintf(`<script src="/dist/onerefresh.js" integrity="%s"></script>`, r.FormValue("integrity"))
	}
	fmt.Fprintf(w, "<!doctype html><title>%s</title><script src=/page.js></script>%s", s.t.Name(), load)
}

var scripts = map[string]string{
	"/load.js": `import * as onerefresh from "/dist/index.js"; window.onerefresh = onerefresh;`,
	"/page.js": `
		window.faults = [];
		addEventListener("error", (e) => faults.push(e.message));
		addEventListener("unhandledrejection", (e) => faults.push(String(e.reason)));
		window.violations = [];
		addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI));
		window.before = Object.getOwnPropertyNames(window);
		// What a promise comes to, as JSON can say it.
		window.outcome = async (promise) => {
			try {
				return {value: await promise};
			} catch (e) {
				return {name: e.name, code: String(e.code), message: e.message, cause: String(e.cause?.message ?? e.cause), typed: e instanceof onerefresh.OneRefreshError};
			}
		};
		window.store = (record, key = "onerefresh:s") => localStorage.setItem(key, JSON.stringify({v: 1, generation: 1, epoch: 1, writer: "test",
			token_type: "Bearer", ...record}));
		window.valid = {access_token: "stored", refresh_token: "r1", received_at: Date.now(), expires_at: Date.now() + 3600e3};
		window.stale = {access_token: "stale", refresh_token: "r1", received_at: Date.now() - 7200e3, expires_at: Date.now() - 3600e3};
		window.options = {name: "s", tokenEndpoint: "/token", clientId: "c"};`,
}

func (s *site) script(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/javascript")
	if r.URL.Path == "/page.js" {
		fmt.Fprintln(w, s.prelude)
	}
	fmt.Fprint(w, scripts[r.URL.Path])
}

func (s *site) file(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	name := r.PathValue("file")
	if name == "onerefresh.wasm" {
		s.mu.Lock()
		var answer func(http.ResponseWriter)
		if len(s.modules) > 0 {
			answer, s.modules = s.modules[0], s.modules[1:]
		}
		s.mu.Unlock()
		if answer != nil {
			answer(w)
			return
		}
		w.Header().Set("Content-Type", s.mimeType)
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	http.ServeFile(w, r, filepath.Join(dist, filepath.Base(name)))
}

// token grants access token a2 with refresh token r2, and so on. A refresh
// token that is not the latest is refused.
func (s *site) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-s.done:
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.PostFormValue("refresh_token") != s.refresh || r.PostFormValue("grant_type") != "refresh_token" || r.PostFormValue("client_id") != "c" {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]any{"error": "invalid_grant", "error_description": "reuse"})
		return
	}
	n := int(s.refresh[1]-'0') + 1
	s.refresh = fmt.Sprint("r", n)
	json.NewEncoder(w).Encode(map[string]any{
		"access_token": fmt.Sprint("a", n), "token_type": "Bearer", "expires_in": 3600, "refresh_token": s.refresh,
	})
}

func (s *site) api(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	if r.Method == "OPTIONS" {
		return
	}
	body := make([]byte, 1024)
	n, _ := r.Body.Read(body)
	s.seen = append(s.seen, strings.TrimSpace(strings.Join([]string{r.Method, r.Header.Get("Authorization"), string(body[:n])}, " ")))
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if s.accept != nil && !s.accept(token) {
		if s.refuse != "" {
			w.Header().Set("WWW-Authenticate", s.refuse)
		}
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	fmt.Fprint(w, "ok")
}

// count returns how many requests there were for path.
func (s *site) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

// A tab is a tab of the browser that shows a page of a site.
type tab struct {
	context.Context
	t *testing.T
}

// open opens the page, which loads onerefresh in one of two ways: "script" or
// "esm".
func (s *site) open(how string) tab {
	s.t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	s.t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, patience)
	s.t.Cleanup(stop)
	if err := chromedp.Do(ctx, chromedp.Navigate(s.URL+"/?how="+how)); err != nil {
		s.t.Fatal(err)
	}
	page := tab{ctx, s.t}
	s.t.Cleanup(func() {
		if faults := eval[[]string](page, "return faults"); len(faults) > 0 {
			s.t.Errorf("nobody caught %q", faults)
		}
		if violations := eval[[]string](page, "return violations"); len(violations) > 0 && strings.Contains(s.csp, "wasm") {
			s.t.Errorf("the Content-Security-Policy %s was violated: %q", s.csp, violations)
		}
	})
	return page
}

// eval runs the body of an async function in the page, and decodes what that
// returns.
func eval[T any](tab tab, body string) T {
	tab.t.Helper()
	v, err := chromedp.Run(tab, chromedp.Evaluate[T]("(async () => {"+body+"})()", func(p *runtime.EvaluateParams) {
		await := true
		p.AwaitPromise = &await
	}))
	if err != nil {
		tab.t.Fatalf("%v\nin %s", err, body)
	}
	return v
}

// An outcome is what window.outcome makes of a promise.
type outcome struct {
	Value                      any
	Name, Code, Message, Cause string
	Typed                      bool
}

func (o outcome) String() string {
	if o.Name != "" {
		return fmt.Sprintf("%s %s: %s (%s)", o.Name, o.Code, o.Message, o.Cause)
	}
	return fmt.Sprint(o.Value)
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so after %v: %s", patience, what)
		}
	}
}
