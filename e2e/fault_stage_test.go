//go:build !(js && wasm)

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/inspector"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
	"github.com/onerefresh/onerefresh/web/demo/site"
)

// slack is what a busy machine may add to the time that a caller waits. The
// times that tests state are those that the options and the protocol allow.
const slack = 20 * time.Second

// shared is the browser of the tests of faults. Each of them has a server with
// a name of its own, and so an origin of its own: none sees another's storage
// or locks.
var shared struct {
	sync.Mutex
	stages  int
	browser context.Context
	end     func()
}

// sharedBrowser returns the browser, and a name that nobody had before.
func sharedBrowser(t *testing.T) (browser context.Context, host string) {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	shared.stages++
	if shared.browser == nil || shared.browser.Err() != nil {
		endSharedBrowser()
		browser, end, err := chromium.Start(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		shared.browser, shared.end = browser, end
	}
	// https://www.rfc-editor.org/rfc/rfc6761#section-6.3
	return shared.browser, fmt.Sprintf("fault%d.localhost", shared.stages)
}

func endSharedBrowser() {
	if shared.end != nil {
		shared.end()
	}
}

// newFaultStage is newStage with the shared browser, a server that decides at
// once and lets no connection be used twice, and without the control page.
func newFaultStage(t *testing.T) *stage {
	t.Helper()
	browser, host := sharedBrowser(t)
	s := &stage{T: t, auth: authserver.New(authserver.Settings{}), browser: browser, gate: new(gate)}
	mux := http.NewServeMux()
	mux.Handle("/", site.Handler(s.gate.before(s.auth), dist))
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<!doctype html><title>Fault</title><link rel=icon href="data:,"><script type=module src=/page.js></script>`))
	})
	mux.HandleFunc("/page.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("testdata", "page.js"))
	})
	mux.HandleFunc("/prerendering", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<!doctype html><title>Prerendering</title><link rel=icon href="data:,">
			<script type=speculationrules>{ "prerender": [{ "urls": ["/prerendered"], "eagerness": "immediate" }] }</script>
			<script>
				addEventListener("storage", ({ key, newValue }) => {
					if (key === "step") newValue === "close" ? close() : location.assign(newValue);
				});
			</script>`)
	})
	mux.HandleFunc("/prerendered", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<!doctype html><title>Prerendered</title><link rel=icon href="data:,"><script type=module>
			import "/page.js";
			await join({ lockTimeout: 1000 });
			const { token } = await ask();
			localStorage.prerendered = document.prerendering + " " + token;
			const { token: another, code } = await ask({ forceRefresh: true });
			localStorage.shown = another ?? code;
			addEventListener("storage", ({ key }) => key === "step" && close());
		</script>`)
	})
	mux.HandleFunc("/blank", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<!doctype html><title>Blank</title>"))
	})
	mux.HandleFunc("/opaque", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "sandbox allow-scripts")
		w.Write([]byte("<!doctype html><title>Opaque origin</title>"))
	})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Access-Control-Allow-Origin", "*") // for the page of an opaque origin
		}
		mux.ServeHTTP(w, r)
	}))
	// Chromium repeats a POST by itself when a connection that had served
	// another request is reset.
	server.Config.SetKeepAlivesEnabled(false)
	server.Start()
	t.Cleanup(func() {
		s.gate.open()
		s.auth.Close()
		server.CloseClientConnections()
		server.Close()
	})
	s.url = strings.Replace(server.URL, "127.0.0.1", host, 1)
	return s
}

// An answer is what a caller of getAccessToken got.
type answer struct {
	Token      string  `json:"token"`
	Code       string  `json:"code"`
	Message    string  `json:"message"`
	RetryAfter float64 `json:"retryAfter"` // in seconds
	Ended      *struct {
		Error      string `json:"error"`
		AnswerLost bool   `json:"answer_lost"`
	} `json:"ended"`
	Asked float64 `json:"asked"` // when, in ms since 1970, by the machine's clock
	MS    float64 `json:"ms"`    // what it took
}

func (a answer) String() string {
	if a.Token != "" {
		return fmt.Sprintf("a token after %.0f ms", a.MS)
	}
	return fmt.Sprintf("%s (%s) after %.0f ms, retry after %.1f s, ended %+v", a.Code, a.Message, a.MS, a.RetryAfter, a.Ended)
}

// load opens the page of testdata/page.js in a tab.
func (s *stage) load() *page {
	s.Helper()
	return s.open("/page")
}

// stale opens n tabs in which the access token is stale: the next to ask for
// it has to refresh. options are those of open, as JavaScript text.
func (s *stage) stale(n int, options string) *visit {
	s.Helper()
	v := &visit{stage: s}
	for range n {
		tab := s.load()
		eval[any](tab, "join("+options+").then(() => null)")
		v.tabs = append(v.tabs, tab)
	}
	v.grant = v.signInFor(v.tabs[0], "alice", 0)
	v.allSignedIn()
	return v
}

// signInFor signs a user in with an access token that lives for a while.
func (v *visit) signInFor(tab *page, user string, lifetime time.Duration) (grant string) {
	v.Helper()
	response := v.auth.OpenGrant(user, lifetime)
	text, err := json.Marshal(response)
	if err != nil {
		v.Fatal(err)
	}
	eval[any](tab, fmt.Sprintf("tab.signIn(%s).then(() => null)", text))
	return response.Grant
}

// configure changes the server's settings.
func (v *visit) configure(settings authserver.Settings) {
	v.auth.Configure(func(s *authserver.Settings) { *s = settings })
}

// fail makes the next token requests fail.
func (v *visit) fail(failures ...authserver.Failure) {
	v.auth.Configure(func(s *authserver.Settings) { s.Failures = failures })
}

// ask asks for a token, and must get what it gets within limit.
func (v *visit) ask(tab *page, limit time.Duration) answer {
	v.Helper()
	v.begin(tab)
	return v.end(tab, limit)
}

// begin asks for a token, and does not wait for it.
func (v *visit) begin(tab *page) {
	v.Helper()
	eval[any](tab, "window.asked = ask(), null")
}

// end returns what begin has led to. It must come within limit of it.
func (v *visit) end(tab *page, limit time.Duration) answer {
	v.Helper()
	a := eval[answer](tab, "asked")
	if took := time.Duration(a.MS) * time.Millisecond; took > limit+slack {
		v.Errorf("%v; that is more than %v and %v", a, limit, slack)
	}
	v.Log(a)
	return a
}

// mustGetToken fails the test unless a is a token that the resource server
// accepts.
func (v *visit) mustGetToken(a answer) {
	v.Helper()
	if a.Token == "" {
		v.Errorf("got %v, want a token", a)
		for _, tab := range v.tabs {
			v.Log(eval[string](tab, `location.host + " " + JSON.stringify(localStorage) + JSON.stringify(tab.events)`))
		}
		return
	}
	if v.user(a.Token) == "" {
		v.Error("the resource server refuses the token")
	}
}

// user returns whose token it is that the resource server is shown, or "" if it
// refuses it.
func (s *stage) user(token string) string {
	s.Helper()
	request := httptest.NewRequest(http.MethodGet, "/resource", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.auth.ServeHTTP(w, request)
	var resource struct{ User string }
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &resource); err != nil {
			s.Fatal(err)
		}
	}
	return resource.User
}

func (v *visit) mustFail(a answer, code string) {
	v.Helper()
	if a.Code != code {
		v.Errorf("got %v, want %s", a, code)
	}
}

// mustHaveEnded fails the test unless a says that the session has ended, and
// that an answer was lost.
func (v *visit) mustHaveLostAnswer(a answer) {
	v.Helper()
	v.mustFail(a, "session_ended")
	if a.Ended == nil || !a.Ended.AnswerLost || a.Ended.Error != "invalid_grant" {
		v.Errorf("got %v, want one that says that the answer was lost", a)
	}
}

// mustHaveSeen fails the test unless the endpoint has decided about refresh
// tokens with just these outcomes, in the order of their arrival.
func (v *visit) mustHaveSeen(outcomes ...authserver.Outcome) {
	v.Helper()
	if got := v.saw(); !slices.Equal(got, outcomes) {
		v.Errorf("the endpoint saw %v, want %v", got, outcomes)
	}
}

func (v *visit) saw() (outcomes []authserver.Outcome) {
	v.Helper()
	for _, p := range v.ledger().Presentations {
		outcomes = append(outcomes, p.Outcome)
	}
	return outcomes
}

// eventually waits until a condition holds.
func (v *visit) eventually(holds func() bool) {
	v.Helper()
	for deadline := time.Now().Add(patience); !holds(); poll() {
		if time.Now().After(deadline) {
			v.Fatalf("not within %v", patience)
		}
	}
}

// settled waits until the endpoint has answered all that it received, also
// those who have gone meanwhile.
func (v *visit) settled() {
	v.Helper()
	v.eventually(func() bool {
		return !slices.ContainsFunc(v.ledger().Presentations, func(p authserver.Presentation) bool { return p.Answered.IsZero() })
	})
}

// kill closes the tab.
func (p *page) kill() {
	p.Helper()
	if err := chromedp.Cancel(p.ctx); err != nil {
		p.Fatal(err)
	}
}

// crash ends the renderer process of the tab.
func (p *page) crash() {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	crashed := chromedp.Events(ctx, inspector.TargetCrashed)
	go chromedp.Call(ctx, cdppage.Crash, cdp.Empty{}) // nobody is left to answer
	for _, err := range crashed {
		if err != nil {
			p.Fatal(err)
		}
		return
	}
}

// freeze freezes a tab, and waits until it is frozen. Chromium never delivers
// the body of an answer, however it is read, if the page freezes between the
// header and the body. To save energy it freezes no page that holds a Web Lock
// which others wait for: https://developer.chrome.com/blog/freezing-on-energy-saver
func (p *page) freeze() {
	p.Helper()
	p.lifecycle(cdppage.SetWebLifecycleStateStateFrozen)
	p.wait("window.frozen")
}

func (p *page) thaw() {
	p.Helper()
	p.lifecycle(cdppage.SetWebLifecycleStateStateActive)
}

func (p *page) lifecycle(state cdppage.SetWebLifecycleStateState) {
	p.Helper()
	if _, err := chromedp.Call(p.ctx, cdppage.SetWebLifecycleState, cdppage.SetWebLifecycleStateParams{State: state}); err != nil {
		p.Fatal(err)
	}
}
