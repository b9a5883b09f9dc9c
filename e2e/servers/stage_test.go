//go:build !(js && wasm)

package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
	"github.com/onerefresh/onerefresh/internal/npmbuild"
	"github.com/onerefresh/onerefresh/web/demo/site"
)

// patience bounds everything that a test waits for.
const patience = 2 * time.Minute

var (
	temporary string          // a folder, for what is built
	browser   context.Context // of all tests; each has origins of its own
	stages    atomic.Int32
)

func TestMain(m *testing.M) {
	log.SetFlags(0)
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if temporary, err = os.MkdirTemp("", "onerefresh"); err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(temporary)
	if err := npmbuild.Into(dist()); err != nil {
		log.Print(err)
		return 1
	}
	var end func()
	if browser, end, err = chromium.Start(context.Background()); err != nil {
		log.Print(err)
		return 1
	}
	defer end()
	return m.Run()
}

func dist() string { return filepath.Join(temporary, "dist") }

// A stage is an authorization server with a front, and a site of another origin
// whose tabs share a session.
type stage struct {
	*process
	front  *front
	origin string
	issuer string
	tabs   []*tab
}

// page has a clock that can be set. Timers go on as before.
const page = `<!doctype html><title>Visit</title><link rel=icon href="data:,">
<script>
  const Real = Date;
  window.skew = 0;
  window.Date = class extends Real {
    constructor(...args) { args.length ? super(...args) : super(Real.now() + skew); }
    static now() { return Real.now() + skew; }
  };
</script>
<script type=module src=/page.js></script>`

// newStage opens n tabs whose session is shared by onerefresh, or by the
// published pattern, and signs ada in.
func newStage(t *testing.T, k kind, mode string, n int) *stage {
	t.Helper()
	t.Parallel()
	number := stages.Add(1)
	s := &stage{front: newFront()}
	mux := http.NewServeMux()
	mux.Handle("/", site.Handler(http.NotFoundHandler(), dist()))
	for _, path := range []string{"/tab", "/callback"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(page))
		})
	}
	mux.HandleFunc("/page.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("testdata", "page.js"))
	})
	mux.HandleFunc("/settings.json", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": s.issuer, "mode": mode, "provider": k.provider})
	})
	// https://www.rfc-editor.org/rfc/rfc6761#section-6.3. Cookies know no ports.
	s.origin = listen(t, fmt.Sprintf("app%d.localhost", number), mux)
	s.issuer = listen(t, fmt.Sprintf("as%d.localhost", number), s.front)
	s.process = startProcess(t, k, s.issuer, s.origin+"/callback")
	if err := s.front.serve(s.process.url); err != nil {
		t.Fatal(err)
	}
	for range n {
		s.tabs = append(s.tabs, s.open("/tab"))
	}
	s.mustBeApart()
	s.signIn(s.tabs[0], "ada")
	return s
}

// listen serves at a name of the loopback interface.
func listen(t *testing.T, host string, handler http.Handler) (origin string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	// Chromium repeats a POST by itself when a connection that had served
	// another request is reset.
	server.Config.SetKeepAlivesEnabled(false)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return strings.Replace(server.URL, "127.0.0.1", host, 1)
}

// A tab has a renderer process of its own.
type tab struct {
	*stage
	ctx context.Context
}

func (s *stage) open(path string) *tab {
	s.Helper()
	ctx, end := chromedp.NewContext(browser)
	s.Cleanup(end)
	p := &tab{s, ctx}
	if err := chromedp.Do(ctx, chromedp.Navigate(s.origin+path)); err != nil {
		s.Fatalf("%s: %v", path, err)
	}
	p.wait("window.tab")
	return p
}

// mustBeApart fails the test if two tabs share a process: then there is no race
// to be lost.
func (s *stage) mustBeApart() {
	s.Helper()
	isolates := make(map[string]bool)
	for _, p := range s.tabs {
		id, err := chromedp.Run(p.ctx, func(ctx context.Context, target *chromedp.Target) (string, error) {
			result, err := cdp.Call(ctx, target, runtime.GetIsolateID, cdp.Empty{})
			return result.ID, err
		})
		if err != nil {
			s.Fatal(err)
		}
		isolates[id] = true
	}
	if len(isolates) != len(s.tabs) {
		s.Fatalf("%d tabs share %d renderer processes", len(s.tabs), len(isolates))
	}
}

// signIn signs a user in, on the pages of the authorization server, and waits
// until every tab sees it.
func (s *stage) signIn(p *tab, user string) {
	s.Helper()
	eval[any](p, fmt.Sprintf("tab.leave(%q).then(() => null)", user))
	p.wait(fmt.Sprintf(`(() => {
		if (location.origin === %q) return Boolean(window.tab?.arrived);
		const form = document.querySelector("form:has([name=prompt])");
		if (!form || window.sent || document.readyState !== "complete") return false;
		window.sent = true;
		if (form.login) [form.login.value, form.password.value] = [%q, "secret"];
		form.requestSubmit();
		return false;
	})()`, s.origin, user))
	s.allSee(s.front.last().answer.AccessToken)
}

// allSee waits until each tab's view of storage has a token.
func (s *stage) allSee(accessToken string) {
	s.Helper()
	for _, p := range s.tabs {
		p.wait(fmt.Sprintf("tab.sees(%q)", accessToken))
	}
}

// forward sets the clock of all tabs forward, by more than an access token lives.
func (s *stage) forward() {
	s.Helper()
	for _, p := range s.tabs {
		eval[float64](p, "skew += 3_700_000")
	}
}

// each evaluates an expression in all tabs at once.
func each[T any](s *stage, expression string) []T {
	s.Helper()
	results := make([]T, len(s.tabs))
	var group sync.WaitGroup
	for i, p := range s.tabs {
		group.Go(func() {
			result, err := try[T](p, expression)
			if err != nil {
				s.Errorf("tab %d: %s: %v", i, expression, err)
			}
			results[i] = result
		})
	}
	group.Wait()
	return results
}

// An outcome is what a caller of getAccessToken got.
type outcome struct {
	Token string `json:"token"`
	Error string `json:"error"`
	Ended *struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		AnswerLost  bool   `json:"answer_lost"`
	} `json:"ended"`
}

func eval[T any](p *tab, expression string) T {
	p.Helper()
	value, err := try[T](p, expression)
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return value
}

func try[T any](p *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// wait waits until an expression is true, in whichever page the tab shows.
func (p *tab) wait(expression string) {
	p.Helper()
	p.eventually(expression, func() bool {
		ok, err := try[bool](p, "Promise.resolve("+expression+").then(Boolean)")
		return err == nil && ok
	})
}

func (s *stage) eventually(what string, holds func() bool) {
	s.Helper()
	for deadline := time.Now().Add(patience); !holds(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// mustBeDead fails the test unless the authorization server refuses a refresh
// token. To ask is to present it.
func (s *stage) mustBeDead(refreshToken string) {
	s.Helper()
	path := s.front.last().path
	response, err := http.PostForm(s.process.url+path, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "client_id": {"spa"},
	})
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	var refusal struct{ Error string }
	json.NewDecoder(response.Body).Decode(&refusal)
	if response.StatusCode != http.StatusBadRequest || refusal.Error != "invalid_grant" {
		s.Errorf("the server answers %s, %q to a refresh token that should be dead", response.Status, refusal.Error)
	}
}
