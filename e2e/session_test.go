//go:build !(js && wasm)

package e2e

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// A visit is one user's session in several tabs.
type visit struct {
	*stage
	grant string
	tabs  []*page
}

const visitPath = "/tab?mode=onerefresh&session=visit"

// signIn opens n tabs, and signs in to a new grant in the first.
func (s *stage) signIn(n int) *visit {
	s.Helper()
	v := &visit{stage: s, tabs: s.openTabs(n, visitPath)}
	v.grant = v.signInAs(v.tabs[0], "alice")
	v.allSignedIn()
	return v
}

// signInAs opens a grant and returns its name.
func (v *visit) signInAs(tab *page, user string) string {
	v.Helper()
	response := v.auth.OpenGrant(user, time.Hour)
	text, err := json.Marshal(response)
	if err != nil {
		v.Fatal(err)
	}
	eval[any](tab, fmt.Sprintf("tab.signIn(%s).then(() => null)", text))
	return response.Grant
}

// allSignedIn waits until each tab's view of storage shows the sign-in.
func (v *visit) allSignedIn() {
	v.Helper()
	for _, tab := range v.tabs {
		tab.wait("tab.ready.then(session => session.signedIn)")
	}
}

// each evaluates an expression in all tabs at once.
func (v *visit) each(expression string) []string {
	v.Helper()
	results := make([]string, len(v.tabs))
	var group sync.WaitGroup
	for i, tab := range v.tabs {
		group.Go(func() {
			result, err := try[string](tab, expression)
			if err != nil {
				v.Errorf("tab %d: %s: %v", i, expression, err)
			}
			results[i] = result
		})
	}
	group.Wait()
	return results
}

// resource is the status of a call of the protected resource through
// session.fetch, which refreshes after a 401.
const resource = `tab.fetch("/resource").then(response => String(response.status))`

// outcome is a token, or the code of an error.
const outcome = `tab.getAccessToken().then(() => "token", error => error.code)`

func (v *visit) all(got []string, want string) {
	v.Helper()
	for i, g := range got {
		if g != want {
			v.Errorf("tab %d: got %q, want %q", i, g, want)
		}
	}
}

func (v *visit) ledger() authserver.Ledger {
	v.Helper()
	ledger, ok := v.auth.Ledger(v.grant)
	if !ok {
		v.Fatalf("no grant %s", v.grant)
	}
	return ledger
}

// mustHaveRotated fails the test unless the endpoint saw exactly n refresh
// tokens, each once, and the family lives.
func (v *visit) mustHaveRotated(n int) {
	v.Helper()
	ledger := v.ledger()
	if got := ledger.Count(authserver.OutcomeRotated); got != n || len(ledger.Presentations) != n || !ledger.Revoked.IsZero() {
		v.Errorf("the endpoint saw %d refresh tokens, %d rotated, revoked for %q; want %d, all rotated",
			len(ledger.Presentations), got, ledger.RevokedFor, n)
	}
}

// An adopting tab must be as fit for the next expiry as the one that refreshed.
func TestExpiriesInARow(t *testing.T) {
	t.Parallel()
	v := newStage(t).signIn(5)
	for expiry := range 10 {
		v.all(v.each(resource), "200")
		v.mustHaveRotated(expiry)
		v.auth.Expire(v.grant)
	}
}

// The same by the clock, and not by a refusal.
func TestExpiriesByTheClock(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.auth.Configure(func(c *authserver.Settings) { c.AccessTokenLifetime = 2 * time.Second })
	v := &visit{stage: s, tabs: s.openTabs(5, visitPath)}
	response := s.auth.OpenGrant("alice", 0)
	v.grant = response.Grant
	text, _ := json.Marshal(response)
	eval[any](v.tabs[0], fmt.Sprintf("tab.signIn(%s).then(() => null)", text))
	v.allSignedIn()
	for expiry := 1; expiry <= 5; expiry++ {
		v.all(v.each(outcome), "token")
		v.mustHaveRotated(expiry)
		v.tabs[0].wait(`(({expires_at, received_at}) => Date.now() > expires_at)(JSON.parse(localStorage["onerefresh:visit"]))`)
	}
}

func TestSignOutTellsAllTabs(t *testing.T) {
	t.Parallel()
	v := newStage(t).signIn(5)
	for _, tab := range v.tabs {
		tab.wait(`tab.events.some(event => event.type === "signedin")`) // a session that lasts for less than 150 ms is no event
	}
	eval[any](v.tabs[2], "tab.signOut().then(() => null)")
	for _, tab := range v.tabs {
		tab.wait(`tab.events.some(event => event.type === "signedout")`)
	}
	v.all(v.each(outcome), "signed_out")
	ledger := v.ledger()
	if ledger.RevokedFor != authserver.RevokedOnRequest || len(ledger.Presentations) != 0 {
		t.Errorf("revoked for %q, %d refresh tokens seen; want a revocation (RFC 7009) and none", ledger.RevokedFor, len(ledger.Presentations))
	}
	v.grant = v.signInAs(v.tabs[4], "bob")
	v.allSignedIn()
	v.all(v.each(outcome), "token")
}

func TestEndOfTheSessionTellsAllTabs(t *testing.T) {
	t.Parallel()
	v := newStage(t).signIn(5)
	v.auth.Configure(func(c *authserver.Settings) {
		c.Failures = []authserver.Failure{{Kind: authserver.FailStatus, Status: 400, Body: `{"error":"invalid_grant"}`, Count: 1}}
	})
	v.auth.Expire(v.grant)
	v.all(v.each(`tab.fetch("/resource").then(response => String(response.status), error => error.code)`), "session_ended")
	for _, tab := range v.tabs {
		tab.wait(`tab.events.filter(event => event.type === "signedout").length === 1`)
	}
	v.all(v.each(outcome), "session_ended")
	if n := len(v.ledger().Presentations); n != 1 {
		t.Errorf("the endpoint saw %d refresh tokens, want 1", n)
	}
}

func TestTabOpenedLater(t *testing.T) {
	t.Parallel()
	v := newStage(t).signIn(2)
	v.auth.Expire(v.grant)
	v.all(v.each(resource), "200")
	v.tabs = append(v.tabs, v.open(visitPath))
	v.all(v.each(resource), "200")
	v.mustHaveRotated(1)
	v.auth.Expire(v.grant)
	v.all(v.each(resource), "200")
	v.mustHaveRotated(2)
}

// On an http origin other than localhost there is no navigator.locks. The
// recorded attempt keeps tabs apart there.
func TestWithoutWebLocks(t *testing.T) {
	t.Parallel()
	s := newStage(t, setting{host: "demo.test"})
	if eval[bool](s.control, "isSecureContext || 'locks' in navigator") {
		t.Fatal("there are Web Locks")
	}
	s.openTabs(5, "/tab")
	s.run("onerefresh", 5, 1)
	control := s.run("flight", 5, 5)
	r := s.run("onerefresh", 5, 30)
	t.Logf("\n%s", table([]storms{control, r}))
	if control.Lost*2 <= control.Storms {
		t.Errorf("tabs that know nothing of each other lost %d of %d storms: they are no storms", control.Lost, control.Storms)
	}
	if r.Coordination != "tab" {
		t.Errorf("coordination %q, want tab", r.Coordination)
	}
	if r.Lost > 0 || r.exchanges() != 1 {
		t.Errorf("%d of %d storms lost, %.3f exchanges per expiry", r.Lost, r.Storms, r.exchanges())
	}
	// In one tab, all callers share one exchange.
	v := &visit{stage: s, tabs: []*page{s.open(visitPath)}}
	v.grant = v.signInAs(v.tabs[0], "alice")
	got := eval[int](v.tabs[0], `Promise.all(Array.from({length: 1000}, () => tab.getAccessToken({forceRefresh: true}))).then(tokens => new Set(tokens).size)`)
	if got != 1 {
		t.Errorf("1000 callers got %d tokens", got)
	}
	v.mustHaveRotated(1)
}
