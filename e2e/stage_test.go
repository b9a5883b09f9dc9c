//go:build !(js && wasm)

package e2e

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
	"github.com/onerefresh/onerefresh/internal/npmbuild"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
	"github.com/onerefresh/onerefresh/web/demo/site"
)

// patience bounds everything that a test waits for.
const patience = time.Minute

// dist has the package, with the module of the compiler that the environment
// variable COMPILER names.
var dist string

func TestMain(m *testing.M) {
	log.SetFlags(0)
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if dist, err = os.MkdirTemp("", "onerefresh"); err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(dist)
	if err := npmbuild.Into(dist); err != nil {
		log.Print(err)
		return 1
	}
	defer endSharedBrowser()
	return m.Run()
}

// A stage is a server, a browser with a profile of its own, and the control
// page of the demonstration in it.
type stage struct {
	*testing.T
	auth    *authserver.Server
	gate    *gate // of the token endpoint, in the tests of faults
	url     string
	browser context.Context
	control *page
	pages   []*page
}

// setting is where the demonstration's server answers, as the browser sees it.
type setting struct {
	host    string // instead of 127.0.0.1, which browsers trust like https
	options []chromium.Option
	wrap    func(http.Handler) http.Handler // if set, what stands before the server
}

func newStage(t *testing.T, where ...setting) *stage {
	t.Helper()
	s := &stage{T: t, auth: authserver.New(authserver.Settings{LatencyBefore: 50 * time.Millisecond})}
	handler := site.Handler(s.auth, dist)
	for _, w := range where {
		if w.wrap != nil {
			handler = w.wrap(handler)
		}
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		s.auth.Close()
		server.CloseClientConnections()
		server.Close()
	})
	s.url = server.URL
	var options []chromium.Option
	for _, w := range where {
		if w.host != "" {
			s.url = strings.Replace(s.url, "127.0.0.1", w.host, 1)
			options = append(options, chromedp.Flag("host-resolver-rules", "MAP "+w.host+" 127.0.0.1"))
		}
		options = append(options, w.options...)
	}
	browser, end, err := chromium.Start(context.Background(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	s.browser = browser
	s.control = s.open("/")
	return s
}

// A page is one tab.
type page struct {
	*stage
	ctx   context.Context
	close context.CancelFunc
}

// open opens a path in a new tab.
func (s *stage) open(path string) *page {
	s.Helper()
	ctx, end := chromedp.NewContext(s.browser)
	s.Cleanup(end)
	p := &page{s, ctx, end}
	s.pages = append(s.pages, p)
	if err := chromedp.Do(ctx, chromedp.Navigate(s.url+path)); err != nil {
		s.Fatalf("%s: %v", path, err)
	}
	return p
}

// openTabs opens n tabs, and waits until the control page knows them. Each has
// a renderer process of its own: with one process there is no race to be lost.
func (s *stage) openTabs(n int, path string) []*page {
	s.Helper()
	tabs := make([]*page, n)
	for i := range tabs {
		tabs[i] = s.open(path)
	}
	s.control.wait(fmt.Sprintf("demo.tabs() >= %d", n))
	isolates := map[string]bool{}
	for _, p := range s.pages {
		isolates[p.isolate()] = true
	}
	if len(isolates) != len(s.pages) {
		s.Fatalf("%d tabs share %d renderer processes", len(s.pages), len(isolates))
	}
	return tabs
}

// isolate identifies the JavaScript engine that runs the page. A process has
// one for all its pages.
func (p *page) isolate() string {
	p.Helper()
	id, err := chromedp.Run(p.ctx, func(ctx context.Context, target *chromedp.Target) (string, error) {
		result, err := cdp.Call(ctx, target, runtime.GetIsolateID, cdp.Empty{})
		return result.ID, err
	})
	if err != nil {
		p.Fatal(err)
	}
	return id
}

// eval returns what a JavaScript expression, or the promise that it is,
// amounts to.
func eval[T any](p *page, expression string) T {
	p.Helper()
	value, err := try[T](p, expression)
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return value
}

func try[T any](p *page, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 3*patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// wait waits until an expression is true.
func (p *page) wait(expression string) {
	p.Helper()
	for deadline := time.Now().Add(patience); ; {
		ok, err := try[bool](p, "Promise.resolve("+expression+").then(Boolean)")
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			p.Fatalf("not within %v: %s (%v)", patience, expression, err)
		}
		poll()
	}
}

// poll spaces out the looks at a condition.
func poll() { <-time.After(10 * time.Millisecond) }
