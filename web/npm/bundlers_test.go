//go:build !(js && wasm)

package npm_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// A bundler makes of the app in the folder of its name in bundlers what is to be
// served.
type bundler struct {
	name  string
	args  []string // of the program of that name; %s is the folder to fill
	out   string   // that is filled, if there is no saying
	pages []string // to be copied there
	csp   string   // what the bundle needs besides, in script-src and style-src
	ready string   // what is true of the page when the app is there
}

var bundlers = []bundler{
	{name: "next", args: []string{"build"}, out: "next/out", csp: "'unsafe-inline'", ready: `document.body.textContent.includes("web-locks")`},
	{name: "webpack", args: []string{"--output-path", "%s", "--stats", "errors-warnings"}, pages: []string{"index.html"}},
	{name: "vite", args: []string{"build", "--outDir", "%s"}},
	{name: "rollup", args: []string{"--config", "--dir", "%s"}, pages: []string{"index.html"}},
	{name: "esbuild", args: []string{"main.js", "--bundle", "--minify", "--format=esm", "--loader:.wasm=file", "--public-path=/", "--outdir=%s"},
		pages: []string{"index.html"}},
}

var installInBundlers = sync.OnceValue(func() error { return install("bundlers") })

func installForBundlers(t *testing.T) {
	t.Helper()
	if err := installInBundlers(); err != nil {
		t.Fatal(err)
	}
}

// build returns the folder that the bundler has filled.
func (b bundler) build(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	if b.out != "" {
		out = filepath.Join("bundlers", b.out)
		t.Cleanup(func() {
			os.RemoveAll(out)
			os.RemoveAll(filepath.Join("bundlers", b.name, ".next")) // the next build is to begin anew
		})
	}
	var args []string
	for _, arg := range b.args {
		args = append(args, strings.ReplaceAll(arg, "%s", out))
	}
	command(t, filepath.Join("bundlers", b.name), tool(t, "bundlers", b.name), args...)
	for _, page := range b.pages {
		content, err := os.ReadFile(filepath.Join("bundlers", b.name, page))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(out, page), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// host serves a bundle, and the authorization server beside it. What is asked
// for and is not there is an error.
func (b bundler) host(t *testing.T, auth http.Handler, folder string) string {
	files := http.FileServer(http.Dir(folder))
	mux := http.NewServeMux()
	mux.Handle("POST /token", auth)
	mux.Handle("GET /resource", auth)
	mux.HandleFunc("GET /favicon.ico", http.NotFound)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(filepath.Join(folder, filepath.FromSlash(r.URL.Path))); err != nil {
			t.Errorf("the page asks for %s: %v", r.URL, err)
		}
		w.Header().Set("Content-Security-Policy", fmt.Sprintf(
			"default-src 'none'; script-src 'self' 'wasm-unsafe-eval' %[1]s; style-src 'self' %[1]s; connect-src 'self'; base-uri 'none'", b.csp))
		files.ServeHTTP(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return alone(server.URL)
}

// patience bounds what a test waits for that has to come.
const patience = 90 * time.Second

// visit opens a page in a tab, and waits until window.session is there.
func visit(t *testing.T, url, ready string) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, patience)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	page := tab{ctx, t}
	if ready == "" {
		ready = "true"
	}
	page.wait("window.session && " + ready)
	return page
}

// wait waits until an expression is true of the page.
func (page tab) wait(expression string) {
	page.t.Helper()
	for {
		ok, err := chromedp.Run(page, chromedp.Evaluate[bool]("Promise.resolve("+expression+").then(Boolean)", chromedp.EvalAwaitPromise))
		if ok {
			return
		}
		select {
		case <-page.Done():
			page.t.Fatalf("not within %v: %s (%v)", patience, expression, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// isolate identifies the engine that runs the page: a renderer process has one.
func (page tab) isolate() string {
	page.t.Helper()
	id, err := chromedp.Run(page, func(ctx context.Context, target *chromedp.Target) (string, error) {
		result, err := cdp.Call(ctx, target, runtime.GetIsolateID, cdp.Empty{})
		return result.ID, err
	})
	if err != nil {
		page.t.Fatal(err)
	}
	return id
}

// What each bundler makes of the package refreshes once for all tabs, against a
// server that revokes the session of whoever presents a refresh token twice.
func TestBundles(t *testing.T) {
	t.Parallel()
	installForBundlers(t)
	for _, b := range bundlers {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			auth := authserver.New(authserver.Settings{LatencyBefore: 100 * time.Millisecond})
			t.Cleanup(auth.Close)
			url := b.host(t, auth, b.build(t))
			if t.Failed() {
				return
			}
			tabs := make([]tab, 4)
			isolates := make(map[string]bool)
			for i := range tabs {
				tabs[i] = visit(t, url, b.ready)
				isolates[tabs[i].isolate()] = true
			}
			if len(isolates) != len(tabs) {
				t.Errorf("%d tabs share %d renderer processes", len(tabs), len(isolates))
			}
			for range 3 {
				storm(t, auth, tabs)
			}
		})
	}
}

// storm signs in with an access token that has expired, and has all tabs ask for
// one in the same moment.
func storm(t *testing.T, auth *authserver.Server, tabs []tab) {
	t.Helper()
	grant := auth.OpenGrant("ada", 0)
	tokens, err := json.Marshal(grant)
	if err != nil {
		t.Fatal(err)
	}
	eval[any](tabs[0], fmt.Sprintf(`await session.signIn(%s)`, tokens))
	for _, page := range tabs {
		page.wait(fmt.Sprintf(`localStorage["onerefresh:app"]?.includes(%q)`, grant.RefreshToken))
	}

	type answer struct {
		Token  string
		Status int
	}
	answers := make([]answer, len(tabs))
	at := time.Now().Add(300 * time.Millisecond).UnixMilli()
	var wait sync.WaitGroup
	for i, page := range tabs {
		wait.Go(func() {
			answers[i] = eval[answer](page, fmt.Sprintf(`
				await new Promise((resolve) => setTimeout(resolve, %d - Date.now()));
				const token = await session.getAccessToken();
				return {token, status: (await session.fetch("/resource")).status};`, at))
		})
	}
	wait.Wait()
	for _, a := range answers {
		if a.Status != http.StatusOK || a.Token != answers[0].Token || a.Token == grant.AccessToken {
			t.Errorf("the tabs got %+v", answers)
			break
		}
	}
	ledger, _ := auth.Ledger(grant.Grant)
	if n := len(ledger.Presentations); n != 1 || ledger.Count(authserver.OutcomeRotated) != 1 || !ledger.Revoked.IsZero() {
		t.Errorf("%d tabs presented the refresh token %d times: %+v", len(tabs), n, ledger)
	}
}

// While an app is developed, Vite serves packages in another form than it builds
// them.
func TestViteDevelopment(t *testing.T) {
	t.Parallel()
	installForBundlers(t)
	vite := exec.Command("node", "../node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", "0", "--logLevel", "info", "--force")
	vite.Dir = "bundlers/vite"
	vite.Env = append(os.Environ(), "NO_COLOR=1")
	vite.Stderr = os.Stderr
	out, err := vite.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := vite.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		vite.Process.Kill()
		vite.Wait()
	})
	url := ""
	lines := bufio.NewScanner(out)
	for url == "" && lines.Scan() {
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(lines.Text())
	}
	if url == "" {
		t.Fatal("vite does not say where it serves")
	}
	go io.Copy(io.Discard, out)

	page := visit(t, url, "")
	got := eval[string](page, `
		await session.signIn({access_token: "a", refresh_token: "r", expires_in: 60});
		return session.getAccessToken();`)
	if got != "a" {
		t.Errorf("got %q", got)
	}
}
