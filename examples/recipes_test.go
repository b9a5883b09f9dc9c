//go:build !(js && wasm)

package examples

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

const perTab = 4

// storm makes all tabs ask at once, each for several things, and returns the ids
// and the outcomes.
func storm(tabs []tab, name string) (outcomes map[string]string) {
	s := tabs[0].stage
	s.Helper()
	outcomes = make(map[string]string)
	var mu sync.Mutex
	var group sync.WaitGroup
	for i, tab := range tabs {
		group.Go(func() {
			got, err := try[[]string](tab, fmt.Sprintf("Promise.all([...Array(%d)].map((_, i) => tab.ask(`%s-%d-${i}`)))", perTab, name, i))
			if err != nil {
				s.Errorf("tab %d: %v", i, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for j, outcome := range got {
				outcomes[fmt.Sprintf("%s-%d-%d", name, i, j)] = outcome
			}
		})
	}
	group.Wait()
	return outcomes
}

// mustHaveAll fails the test unless each of the requests of a storm was answered.
func (s *stage) mustHaveAll(outcomes map[string]string, tabs int) {
	s.Helper()
	if len(outcomes) != tabs*perTab {
		s.Errorf("%d outcomes, want %d", len(outcomes), tabs*perTab)
	}
	for id, outcome := range outcomes {
		if outcome != "200" {
			s.Errorf("%s: got %s, want 200", id, outcome)
		}
	}
}

// Three tabs ask for four things each. What counts is what the token endpoint
// and the API have seen.
func TestRecipe(t *testing.T) {
	for _, tc := range []struct {
		name      string
		noRetry   bool   // a 401 is left to the caller
		signedOut string // what comes of a request when nobody is signed in
	}{
		{name: "axios", signedOut: "signed_out"},
		{name: "axios-fetch", signedOut: "signed_out"},
		{name: "medplum", signedOut: "signed_out"},
		{name: "supabase", signedOut: "401"}, // asked as anybody may
		{name: "apollo", signedOut: "signed_out"},
		{name: "oauth4webapi", signedOut: "signed_out", noRetry: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.jwt = tc.name == "medplum"
			tabs := s.open(tc.name, 3)
			tabs[0].signIn("alice", 0) // stale from the start
			for _, tab := range tabs {
				tab.wait(`tab.events.includes("signedin")`) // Apollo drops what was asked before
			}

			// By the clock: nobody shows the API a stale token.
			s.mustHaveAll(storm(tabs, "stale"), 3)
			s.mustHaveRotated(1)
			for id, generations := range s.seen() {
				if id != "me" && !slices.Equal(generations, []int{1}) {
					t.Errorf("%s: the API saw tokens %v, want the first new one, once", id, generations)
				}
			}
			if tc.noRetry {
				return
			}

			// By a refusal: one exchange, which no answer comes from before it is clear
			// that there is no other, and each request is sent once more.
			s.expectCrowd(3)
			s.auth.Expire(s.grant)
			s.mustHaveAll(storm(tabs, "expired"), 3)
			s.mustHaveRotated(2)
			s.expectNobody()
			again := 0
			for id, generations := range s.seen() {
				switch {
				case id == "me" || slices.Equal(generations, []int{2}):
				case slices.Equal(generations, []int{refused, 2}):
					again++
				default:
					t.Errorf("%s: the API saw tokens %v, want the second new one, after one refusal at most", id, generations)
				}
			}
			if again == 0 {
				t.Error("nobody was refused: this tested nothing")
			}

			// A resource that is refused with every token: once more, and not again.
			if got := eval[string](tabs[0], `tab.ask("never")`); got != "401" {
				t.Errorf("got %s, want 401", got)
			}
			s.mustHaveRotated(3)
			if got := s.seen(); !slices.Equal(got["never"], []int{refused, refused}) {
				t.Errorf("the API saw %v, want a request and one more", got)
			}

			// A refusal that no other token would change.
			if got := eval[string](tabs[0], `tab.ask("scope")`); got != "401" {
				t.Errorf("got %s, want 401", got)
			}
			s.mustHaveRotated(3)
			if got := s.seen(); !slices.Equal(got["scope"], []int{refused}) {
				t.Errorf("the API saw %v, want one request", got)
			}

			eval[any](tabs[2], "tab.session.signOut(), null")
			for _, tab := range tabs {
				tab.wait(`tab.events.includes("signedout")`)
			}
			for id, got := range storm(tabs, "out") {
				if got != tc.signedOut {
					t.Errorf("%s: got %s, want %s", id, got, tc.signedOut)
				}
			}
			for id, generations := range s.seen() {
				if slices.ContainsFunc(generations, func(n int) bool { return n != anonymous }) {
					t.Errorf("%s: the API saw tokens %v, want none", id, generations)
				}
			}
		})
	}
}

// The other ways lose the session in the same storm.
func TestStormIsLostWithout(t *testing.T) {
	for _, name := range []string{"axios-published", "supabase-own"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			tabs := s.open(name, 3)
			tabs[0].signIn("alice", time.Hour)
			for _, tab := range tabs {
				tab.wait("localStorage.length > 0")
			}
			s.expectCrowd(3)
			s.auth.Expire(s.grant)
			outcomes := storm(tabs, "expired")
			ledger, _ := s.auth.Ledger(s.grant)
			if ledger.RevokedFor != authserver.RevokedForReuse {
				t.Errorf("the session is alive, after %+v: the storm is too weak to show anything", ledger.Presentations)
			}
			t.Logf("%d refresh tokens for one expiry; the session is revoked; outcomes %v", len(ledger.Presentations), slices.Sorted(maps.Values(outcomes)))
		})
	}
}

// The token endpoint is out of order for a moment: nobody is signed out.
func TestMedplumOutage(t *testing.T) {
	t.Parallel()
	outage := []authserver.Failure{{Kind: authserver.FailStatus, Status: 503, Count: 100}}

	s := newStage(t)
	ours := s.open("medplum", 1)[0]
	ours.signIn("alice", time.Hour)
	ours.wait("tab.session.signedIn")
	s.auth.Expire(s.grant)
	s.auth.Configure(func(c *authserver.Settings) { c.Failures = outage })
	if got := eval[string](ours, `tab.ask("1")`); got != "temporarily_unavailable" {
		t.Errorf("got %s, want temporarily_unavailable", got)
	}
	if !eval[bool](ours, "tab.session.signedIn") {
		t.Error("signed out by a server that was out of order")
	}
	s.auth.Configure(func(c *authserver.Settings) { c.Failures = nil })
	over := time.Now()
	ours.wait(`tab.ask("1").then((outcome) => outcome === "200")`)
	if took := time.Since(over); took > patience/2 {
		t.Errorf("a resource was not to be had for %v after the outage", took)
	}

	s = newStage(t)
	theirs := s.open("medplum-own", 1)[0]
	theirs.signIn("alice", time.Hour)
	theirs.wait("tab.signedIn()")
	s.auth.Expire(s.grant)
	s.auth.Configure(func(c *authserver.Settings) { c.Failures = outage })
	eval[string](theirs, `tab.ask("1")`)
	if eval[bool](theirs, "tab.signedIn()") {
		t.Error("Medplum's own refresh keeps the session: the outage shows nothing")
	}
}

// Medplum's client knows who is signed in, in whichever tab.
func TestMedplumProfile(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.jwt = true
	tabs := s.open("medplum", 2)
	tabs[0].signIn("alice", time.Hour)
	for _, tab := range tabs {
		tab.wait(`tab.authenticated() && tab.profile() === "alice"`)
	}
	tabs[1].signIn("bob", time.Hour)
	for _, tab := range tabs {
		tab.wait(`tab.authenticated() && tab.profile() === "bob"`)
	}
	eval[any](tabs[0], "tab.session.signOut(), null")
	for _, tab := range tabs {
		tab.wait(`!tab.authenticated() && tab.profile() === ""`)
	}
	for _, tab := range tabs {
		tab.wait(`!localStorage.getItem("activeLogin")`)
	}
}

func TestAxios(t *testing.T) {
	for _, name := range []string{"axios", "axios-fetch"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			tab := s.open(name, 1)[0]
			tab.signIn("alice", time.Hour)
			tab.wait("tab.session.signedIn")

			// A body is sent again as it was.
			s.auth.Expire(s.grant)
			if got := eval[map[string]string](tab, `tab.post("body")`); got["text"] != "hello" || got["user"] != "alice" {
				t.Errorf("got %v", got)
			}
			if got := s.seen()["body"]; !slices.Equal(got, []int{refused, 1}) {
				t.Errorf("the API saw tokens %v", got)
			}

			// The token is for the API.
			third := newStage(t)
			if got := eval[string](tab, fmt.Sprintf("tab.abroad(%q)", third.api+"/things?id=abroad")); got == "200" {
				t.Errorf("got %s", got)
			}
			if got := third.seen()["abroad"]; !slices.Equal(got, []int{anonymous}) {
				t.Errorf("a third party saw tokens %v, want none", got)
			}

			if got := eval[string](tab, "tab.abort()"); got != "true" {
				t.Errorf("what axios says of an aborted request is no cancellation: %s", got)
			}
			if got := s.seen()["aborted"]; len(got) > 0 {
				t.Errorf("the API saw a request that was aborted: %v", got)
			}
		})
	}
}

// Nothing is left in Apollo's cache of who was signed in, in another tab too.
func TestApolloCache(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	tabs := s.open("apollo", 2)
	tabs[0].signIn("alice", time.Hour)
	for _, tab := range tabs {
		tab.wait(`tab.events.includes("signedin")`)
	}
	s.mustHaveAll(storm(tabs, "cached"), 2)
	for _, tab := range tabs {
		tab.wait("tab.cached() > 0")
	}
	eval[any](tabs[0], "tab.session.signOut(), null")
	for _, tab := range tabs {
		tab.wait("tab.cached() === 0")
	}
}
