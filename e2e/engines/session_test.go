//go:build !(js && wasm)

package engines

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// outcome is a token, or the code of an error.
const outcome = `tab.getAccessToken().then(() => "token", error => error.code)`

// signIn signs in to a new grant in the first of the tabs, and waits until each
// tab's view of storage shows it.
func (s *stage) signIn(tabs []*page, user string) (grant string) {
	s.Helper()
	response := s.auth.OpenGrant(user, time.Hour)
	text, err := json.Marshal(response)
	if err != nil {
		s.Fatal(err)
	}
	eval[any](tabs[0], fmt.Sprintf("tab.signIn(%s).then(() => null)", text))
	for _, tab := range tabs {
		tab.wait("tab.ready.then(session => session.signedIn)")
	}
	return response.Grant
}

func (s *stage) mustAll(tabs []*page, expression, want string) {
	s.Helper()
	for i, got := range all[string](tabs, expression) {
		if got != want {
			s.Errorf("tab %d: %s: got %q, want %q", i, expression, got, want)
		}
	}
}

func (s *stage) ledger(grant string) authserver.Ledger {
	s.Helper()
	ledger, ok := s.auth.Ledger(grant)
	if !ok {
		s.Fatalf("no grant %s", grant)
	}
	return ledger
}

func sessionTabs(s *stage, name string) []*page {
	n := 5
	if testing.Short() {
		n = 3
	}
	_, tabs := s.openTabs(n, "/tab?mode=onerefresh&session="+name)
	return tabs
}

func testSignOutTellsAllTabs(s *stage) {
	tabs := sessionTabs(s, "sign-out")
	grant := s.signIn(tabs, "alice")
	s.mustAll(tabs, outcome, "token")
	for _, tab := range tabs {
		tab.wait(`tab.events.some(event => event.type === "signedin")`) // a session that lasts for less than 150 ms is no event
	}
	eval[any](tabs[1], "tab.signOut().then(() => null)")
	for _, tab := range tabs {
		tab.wait(`tab.events.some(event => event.type === "signedout")`)
	}
	s.mustAll(tabs, outcome, "signed_out")
	ledger := s.ledger(grant)
	if ledger.RevokedFor != authserver.RevokedOnRequest || len(ledger.Presentations) != 0 {
		s.Errorf("revoked for %q, %d refresh tokens seen; want a revocation (RFC 7009) and none", ledger.RevokedFor, len(ledger.Presentations))
	}
	s.signIn(tabs, "bob")
	s.mustAll(tabs, outcome, "token")
}

func testEndOfTheSessionTellsAllTabs(s *stage) {
	tabs := sessionTabs(s, "end")
	grant := s.signIn(tabs, "alice")
	s.auth.Configure(func(c *authserver.Settings) {
		c.Failures = []authserver.Failure{{Kind: authserver.FailStatus, Status: 400, Body: `{"error":"invalid_grant"}`, Count: 1}}
	})
	s.auth.Expire(grant)
	s.mustAll(tabs, `tab.fetch("/resource").then(response => String(response.status), error => error.code)`, "session_ended")
	for _, tab := range tabs {
		tab.wait(`tab.events.filter(event => event.type === "signedout").length === 1`)
	}
	s.mustAll(tabs, outcome, "session_ended")
	if n := len(s.ledger(grant).Presentations); n != 1 {
		s.Errorf("the endpoint saw %d refresh tokens, want 1", n)
	}
}
