//go:build !(js && wasm)

package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
	"github.com/onerefresh/onerefresh/internal/npmbuild"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
	"github.com/onerefresh/onerefresh/web/demo/site"
)

var (
	soakMinutes = flag.Float64("minutes", 0, "for how long to soak, see make soak")
	soakSeed    = flag.Uint64("seed", 0, "that of the soak's faults; 0 is another one each time")
	soakBeside  = flag.String("beside", "", "the `compiler` of the module that every other tab of the soak has; all the same if empty")
)

const (
	soakTabs     = 10
	soakLifetime = 2 * time.Second // of access tokens
	soakTimeout  = 3 * time.Second // of exchanges, as in testdata/soak.js

	// soakPatience is how long a caller may wait at most: for the lock, the
	// exchange, an answer that comes after its time, and the confirmation that
	// the session is over.
	soakPatience = 20 * time.Second
)

// A soak is a user with ten tabs in which callers ask for a token all the time,
// while whatever can go wrong does.
type soak struct {
	*testing.T
	*witness
	mode    string
	url     string
	roots   []string // of the sites that the tabs are opened at, in turns
	browser context.Context
	draw    *rand.Rand // only in the goroutine of run
	faults  sync.WaitGroup

	soakMu   sync.Mutex
	tabs     [soakTabs]*soakTab
	opened   int // tabs
	log      []string
	befell   map[string]int // faults by kind
	signedIn time.Time
	lost     bool // callers get told that nobody is signed in
}

// A soakTab is a place where there is a tab most of the time.
type soakTab struct {
	number int
	ctx    context.Context
	by     string    // the load of the page that it shows
	served time.Time // when a caller in it began a call that got a token
	busy   bool      // something befalls it
}

func newSoak(t *testing.T, mode string, seed uint64) *soak {
	t.Helper()
	auth := authserver.New(authserver.Settings{AccessTokenLifetime: soakLifetime})
	s := &soak{
		T: t, witness: newWitness(auth), mode: mode,
		draw: rand.New(rand.NewPCG(seed, 0)), befell: make(map[string]int),
	}
	mux := http.NewServeMux()
	mux.Handle("/", soakSite(auth, dist))
	s.roots = []string{""}
	if *soakBeside != "" {
		other := t.TempDir()
		if err := npmbuild.Into(other, "-compiler", *soakBeside); err != nil {
			t.Fatal(err)
		}
		mux.Handle("/beside/", http.StripPrefix("/beside", soakSite(auth, other)))
		s.roots = append(s.roots, "/beside")
	}
	server := httptest.NewUnstartedServer(s.watch(mux))
	server.Config.SetKeepAlivesEnabled(false) // see newFaultStage
	server.Start()
	t.Cleanup(func() {
		auth.Close()
		server.CloseClientConnections()
		server.Close()
	})
	s.url = server.URL
	browser, end, err := chromium.Start(context.Background(), chromium.Unthrottled)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	s.browser = browser
	for i := range s.tabs {
		s.tabs[i] = &soakTab{number: i}
		if err := s.openTab(s.tabs[i]); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// soakSite is the demonstration's, with the page of the soak.
func soakSite(auth http.Handler, dist string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", site.Handler(auth, dist))
	mux.HandleFunc("GET /soak.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("testdata", "soak.js"))
	})
	for path, head := range map[string]string{"/soak": `<script type="module" src="soak.js"></script>`, "/blank": ""} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<!doctype html><title>Soak</title>", head)
		})
	}
	return mux
}

// openTab opens a tab in its place.
func (s *soak) openTab(tab *soakTab) error {
	ctx, end := chromedp.NewContext(s.browser)
	s.Cleanup(end)
	if _, err := chromedp.Call(ctx, runtime.AddBinding, runtime.AddBindingParams{Name: "report"}); err != nil {
		return err
	}
	go func() {
		for e, err := range chromedp.Events(ctx, runtime.BindingCalled) {
			if err != nil {
				return
			}
			var r report
			if json.Unmarshal([]byte(e.Payload), &r) == nil {
				s.hearFrom(tab, r)
			}
		}
	}()
	s.soakMu.Lock()
	s.opened++
	path := fmt.Sprintf("%s/soak?mode=%s&seed=%d", s.roots[tab.number%len(s.roots)], s.mode, s.opened)
	tab.ctx = ctx
	s.soakMu.Unlock()
	return s.do(tab, chromedp.Navigate(s.url+path))
}

func (s *soak) do(tab *soakTab, steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(tab.ctx, 15*time.Second)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

func (s *soak) eval(tab *soakTab, expression string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(tab.ctx, limit)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[any](expression, chromedp.EvalAwaitPromise))
	return err
}

func (s *soak) hearFrom(tab *soakTab, r report) {
	s.hear(r)
	s.soakMu.Lock()
	defer s.soakMu.Unlock()
	tab.by = r.By
	switch {
	case r.Type == "call" && r.Token != "":
		tab.served = r.begin()
	case r.Type == "call" && s.signedIn.Add(time.Second).Before(r.begin()):
		switch r.Code {
		case "signed_out", "session_ended":
			s.lost = true
		case "": // an error of the published pattern
			s.lost = s.lost || strings.Contains(r.Message, "invalid_grant") || strings.Contains(r.Message, "signed out")
		}
	}
}

// note puts something that befalls the soak on its log.
func (s *soak) note(kind, format string, args ...any) {
	s.soakMu.Lock()
	defer s.soakMu.Unlock()
	s.befell[kind]++
	s.log = append(s.log, time.Now().Format(clockFormat)+" "+kind+" "+fmt.Sprintf(format, args...))
}

// free returns a tab that nothing befalls, and reserves it, or nil.
func (s *soak) free() *soakTab {
	at := s.draw.IntN(soakTabs)
	s.soakMu.Lock()
	defer s.soakMu.Unlock()
	for i := range soakTabs {
		if tab := s.tabs[(at+i)%soakTabs]; !tab.busy && tab.by != "" {
			tab.busy = true
			return tab
		}
	}
	return nil
}

func (s *soak) release(tab *soakTab) {
	s.soakMu.Lock()
	defer s.soakMu.Unlock()
	tab.busy = false
}

// signIn signs in, to a new grant, until that has worked in some tab.
func (s *soak) signIn() {
	for {
		tab := s.free()
		if tab == nil {
			<-time.After(100 * time.Millisecond)
			continue
		}
		response := s.open("alice")
		text, _ := json.Marshal(response)
		begin := time.Now()
		err := s.eval(tab, fmt.Sprintf("soak.signIn(%s).then(() => null)", text), soakPatience)
		s.release(tab)
		s.mu.Lock()
		for _, g := range s.granted {
			if g.until.IsZero() && g.name != response.Grant {
				g.until = time.Now()
			}
		}
		if n := len(s.signedOut); err == nil && s.signedOut[n-1].to.After(time.Now()) {
			s.signedOut[n-1].to = time.Now()
		}
		s.mu.Unlock()
		s.note("sign-in", "in tab %d, %.8s to the grant %.8s, took %v: %v", tab.number, tab.by, response.Grant, time.Since(begin), err)
		if err == nil {
			s.soakMu.Lock()
			s.signedIn, s.lost = time.Now(), false
			s.soakMu.Unlock()
			return
		}
	}
}

// run lets things of these kinds go wrong until enough is true.
func (s *soak) run(kinds []string, enough func(ran time.Duration) bool) {
	s.Helper()
	s.signedOut = []interval{{"signed out", time.Now().Add(-time.Hour), time.Now().Add(time.Hour)}}
	s.signIn()
	for begin := time.Now(); !enough(time.Since(begin)); {
		<-time.After(time.Duration(400+s.draw.IntN(1600)) * time.Millisecond)
		s.soakMu.Lock()
		lost := s.lost
		s.soakMu.Unlock()
		if lost {
			s.signIn()
			continue
		}
		soakFaults[kinds[s.draw.IntN(len(kinds))]](s)
	}
	s.faults.Wait()
}

// heal puts everything right, and waits until every tab has a token, from when on
// none may be without.
func (s *soak) heal() {
	s.Helper()
	s.auth.Configure(func(c *authserver.Settings) {
		*c = authserver.Settings{AccessTokenLifetime: soakLifetime, GracePeriod: c.GracePeriod}
	})
	healed := time.Now()
	s.note("healed", "")
	for deadline := healed.Add(aftermath + soakPatience); ; {
		<-time.After(100 * time.Millisecond)
		s.soakMu.Lock()
		lost, unserved := s.lost, 0
		for _, tab := range s.tabs {
			if !tab.served.After(healed.Add(soakLifetime)) {
				unserved++
			}
		}
		s.soakMu.Unlock()
		if unserved == 0 {
			break
		}
		if lost {
			s.signIn()
		}
		if time.Now().After(deadline) {
			s.Errorf("%d tabs have no token %v after everything was healed", unserved, time.Since(healed))
			break
		}
	}
	s.mu.Lock()
	s.calm = time.Now()
	s.mu.Unlock()
	<-time.After(3 * soakLifetime / 2) // each tab refreshes or adopts at least once
	for _, tab := range s.tabs {
		if err := s.eval(tab, "soak.stop()", soakPatience); err != nil {
			s.Errorf("tab %d: the callers do not come to an end: %v", tab.number, err)
		}
	}
}

// lines are the last of the log, or all if there are few.
func (s *soak) lines() string {
	s.soakMu.Lock()
	defer s.soakMu.Unlock()
	const most = 400
	return strings.Join(s.log[max(0, len(s.log)-most):], "\n")
}

func (s *soak) figures() string {
	s.soakMu.Lock()
	defer s.soakMu.Unlock()
	s.mu.Lock()
	tokens, again, good, ended := 0, 0, 0, make(map[*granted]bool)
	presented := make(map[string]bool)
	of := s.families()
	for _, p := range s.presentations {
		if presented[p.refresh] {
			again++
		}
		presented[p.refresh] = true
		if p.good() {
			good++
		}
		if p.permanent() && !p.grace {
			ended[of[p.refresh]] = true
		}
	}
	for _, r := range s.calls {
		if r.Token != "" {
			tokens++
		}
	}
	calls, presentations, grants := len(s.calls), len(s.presentations), len(s.granted)
	s.mu.Unlock()

	var faults []string
	for _, kind := range slices.Sorted(maps.Keys(s.befell)) {
		faults = append(faults, fmt.Sprintf("%s %d", kind, s.befell[kind]))
	}
	return fmt.Sprintf("%d tabs opened; %s\n%d calls: %d tokens; %s\n%d refresh tokens presented, %d of them again; %d good answers\n%d sign-ins, %d ended by the server",
		s.opened, strings.Join(faults, ", "), calls, tokens, s.errorCodes(), presentations, again, good, grants, len(ended))
}

func newSoakSeed() uint64 {
	if *soakSeed != 0 {
		return *soakSeed
	}
	return rand.Uint64N(1e9) + 1
}

func TestSoak(t *testing.T) {
	if *soakMinutes <= 0 {
		t.Skip("run make soak")
	}
	seed := newSoakSeed()
	t.Logf("-seed %d", seed)
	s := newSoak(t, "onerefresh", seed)
	s.run(slices.Sorted(maps.Keys(soakFaults)), func(ran time.Duration) bool { return ran.Minutes() >= *soakMinutes })
	s.heal()
	wrong := s.reconcile(true)
	t.Log(s.figures())
	for _, problem := range wrong {
		t.Error(problem)
	}
	if t.Failed() {
		t.Log(s.lines())
	}
}

// What shows nothing for the published pattern either would show nothing.
func TestSoakOfThePublishedPattern(t *testing.T) {
	if *soakMinutes <= 0 {
		t.Skip("run make soak")
	}
	seed := newSoakSeed()
	t.Logf("-seed %d", seed)
	s := newSoak(t, "published", seed)
	var wrong []string
	sentAgain := func() bool {
		wrong = s.reconcile(false)
		return slices.ContainsFunc(wrong, func(problem string) bool { return strings.HasSuffix(problem, "its answer had been received") })
	}
	// The published pattern has no timeout: after an answer that does not come,
	// its tabs wait for the lock for ever, and spend nothing.
	kinds := slices.DeleteFunc(slices.Sorted(maps.Keys(soakFaults)), func(kind string) bool { return kind == "hang after rotation" })
	s.run(kinds, func(ran time.Duration) bool { return sentAgain() || ran > 2*time.Minute })
	if !sentAgain() {
		t.Error("no refresh token was sent again after its answer had been received")
	}
	t.Logf("%s\n%s", s.figures(), strings.Join(wrong, "\n"))
}
