//go:build !(js && wasm)

package servers

import (
	"testing"
)

const (
	tabs     = 5
	expiries = 10

	// Each costs the published pattern its grant in about two cases of three.
	manyExpiries = 100
)

// forEach runs a test against each authorization server.
func forEach(t *testing.T, test func(*testing.T, kind)) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { test(t, k) })
	}
}

func TestOneExchangeForEachExpiry(t *testing.T) {
	forEach(t, func(t *testing.T, k kind) {
		s := newStage(t, k, "onerefresh", tabs)
		for expiry := range expiries {
			if expiry%2 == 0 {
				s.forward()
			} else { // by a refusal, and not by the clock
				s.expire()
				for i, user := range each[string](s, "tab.user()") {
					if user != "ada" {
						t.Errorf("expiry %d, tab %d: the user is %q", expiry, i, user)
					}
				}
			}
			outcomes := each[outcome](s, "tab.token()")
			want := s.front.last().answer.AccessToken
			for i, got := range outcomes {
				if got.Token != want {
					t.Errorf("expiry %d, tab %d: got %+v, want the token that was issued last", expiry, i, got)
				}
			}
			if got := len(s.front.refreshes()); got != expiry+1 {
				t.Fatalf("%d expiries, %d exchanges", expiry+1, got)
			}
		}
		if got, want := s.tally(), (tally{rotated: expiries}); got != want {
			t.Errorf("the server has on record %+v, want %+v", got, want)
		}

		s.forward() // the grant is alive
		if got := eval[outcome](s.tabs[tabs-1], "tab.token()"); got.Token == "" || got.Token != s.front.last().answer.AccessToken {
			t.Errorf("got %+v, want a token", got)
		}
		if got, want := s.tally(), (tally{rotated: expiries + 1}); got != want {
			t.Errorf("the server has on record %+v, want %+v", got, want)
		}

		// It is a simple request, and without cookies:
		// https://fetch.spec.whatwg.org/#http-cors-protocol
		endpoint := s.front.last().path
		for _, n := range s.front.where(func(n note) bool { return n.path == endpoint }) {
			if n.method != "POST" || n.header.Get("Origin") != s.origin || n.header.Get("Cookie") != "" {
				t.Errorf("%s of %s, header %v", n.method, n.path, n.header)
			}
		}
	})
}

// The same must lose the grant with the published pattern, or it proves nothing.
func TestPublishedPatternLosesTheGrant(t *testing.T) {
	forEach(t, func(t *testing.T, k kind) {
		s := newStage(t, k, "published", tabs)
		for expiry := 1; expiry <= manyExpiries; expiry++ {
			s.forward()
			outcomes := each[outcome](s, "tab.token()")
			n := s.tally()
			if n.reused == 0 {
				s.allSee(s.front.last().answer.AccessToken)
				continue
			}
			without := 0
			for _, got := range outcomes {
				if got.Token == "" {
					without++
				}
			}
			t.Logf("lost at expiry %d: %+v, %d of %d tabs without a token", expiry, n, without, tabs)
			if n.revoked == 0 {
				t.Error("the server has seen reuse, and has not revoked the grant")
			}
			s.mustBeDead(s.front.last().answer.RefreshToken)
			return
		}
		t.Errorf("not lost in %d expiries: they are too weak to show anything", manyExpiries)
	})
}

func TestSignOutRevokesTheGrant(t *testing.T) {
	forEach(t, func(t *testing.T, k kind) {
		s := newStage(t, k, "onerefresh", 2)
		s.forward()
		each[outcome](s, "tab.token()") // the sign-in's refresh token is spent
		current := s.front.last().answer.RefreshToken

		eval[any](s.tabs[1], "tab.signOut().then(() => null)")
		s.tabs[0].wait("!tab.sees('access_token')")
		for i, got := range each[outcome](s, "tab.token()") {
			if got.Error != "signed_out" {
				t.Errorf("tab %d: got %+v", i, got)
			}
		}
		s.mustRevoke(current)
		if got := s.tally(); got.rotated != 1 || got.refused != 0 || got.revoked == 0 {
			t.Errorf("the server has on record %+v", got)
		}
		s.mustBeDead(current)
	})
}

func TestSignInAsAnotherUserInFlight(t *testing.T) {
	forEach(t, func(t *testing.T, k kind) {
		s := newStage(t, k, "onerefresh", 2)
		s.expire()
		answer := s.front.hold()
		defer answer.release()
		eval[any](s.tabs[0], "window.asked = tab.user(), null")
		s.eventually("the server has rotated", func() bool {
			select {
			case <-answer.reached:
				return true
			default:
				return false
			}
		})
		late := s.front.last().answer.RefreshToken

		s.signIn(s.tabs[1], "bob")
		answer.release()
		if user := eval[string](s.tabs[0], "asked"); user != "bob" {
			t.Errorf("the tab whose answer came late is %q", user)
		}
		for i, user := range each[string](s, "tab.user()") {
			if user != "bob" {
				t.Errorf("tab %d: the user is %q", i, user)
			}
		}
		if got := len(s.front.refreshes()); got != 1 {
			t.Errorf("%d exchanges, want ada's alone", got)
		}
		s.mustRevoke(late)
		s.mustBeDead(late)

		s.forward() // bob's grant is alive
		for i, got := range each[outcome](s, "tab.token()") {
			if got.Token == "" {
				t.Errorf("tab %d: got %+v", i, got)
			}
		}
	})
}

// mustRevoke waits until a refresh token was revoked, and fails the test if
// another one was.
func (s *stage) mustRevoke(refreshToken string) {
	s.Helper()
	s.eventually("a revocation", func() bool { return len(s.front.revocations()) > 0 })
	for _, n := range s.front.revocations() {
		if n.form.Get("token") != refreshToken || n.status != 200 {
			s.Errorf("the answer to the revocation of %.8s… is %d", n.form.Get("token"), n.status)
		}
	}
}

// Neither server has a grace period: it takes the second presentation for theft.
func TestLostAnswerEndsTheSession(t *testing.T) {
	forEach(t, func(t *testing.T, k kind) {
		s := newStage(t, k, "onerefresh", 2)
		s.front.lose()
		s.forward()
		for i, got := range each[outcome](s, "tab.token()") {
			if got.Error != "session_ended" || got.Ended == nil || got.Ended.Error != "invalid_grant" || !got.Ended.AnswerLost {
				t.Errorf("tab %d: got %+v, %+v", i, got, got.Ended)
			}
		}
		if got, want := s.tally(), (tally{rotated: 1, refused: 1, reused: 1, revoked: 1}); got != want {
			t.Errorf("the server has on record %+v, want %+v", got, want)
		}
		s.mustBeDead(s.front.refreshes()[0].answer.RefreshToken)
	})
}
