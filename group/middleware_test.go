package group_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/group"
)

func TestMiddleware(t *testing.T) {
	const life = time.Hour
	for _, c := range []struct {
		name       string
		cookie     bool
		age        time.Duration // of the token
		refusal    error
		status     int
		retryAfter string
		exchanges  int
		token      string
		stays      bool // signed in
	}{
		{"no session", false, 0, nil, 401, "", 0, "", true},
		{"a valid token", true, 0, nil, 200, "", 0, "old", true},
		{"a token within its margin", true, life - 20*time.Second, nil, 200, "", 1, "new", true},
		{"a stale token", true, life, nil, 200, "", 1, "new", true},
		{"an early refresh that fails", true, life - 20*time.Second, &onerefresh.RefreshError{Status: 503}, 200, "", 1, "old", true},
		{"unavailable", true, life, &onerefresh.RefreshError{Status: 503, RetryAfter: 7 * time.Second}, 503, "7", 1, "", true},
		{"misconfigured", true, life, &onerefresh.RefreshError{Status: 401, Code: "invalid_client"}, 500, "", 1, "", true},
		{"ended", true, life, &onerefresh.RefreshError{Status: 400, Code: "invalid_grant"}, 401, "", 1, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				exchanges := 0
				sessions := newTable()
				g := newGroup(t, group.Options{Save: sessions.Save, Refresh: func(context.Context, group.Key) (onerefresh.Response, error) {
					exchanges++
					return onerefresh.Response{AccessToken: "new", RefreshToken: "r2", ExpiresIn: life}, c.refusal
				}})
				received := time.Now().Add(-c.age)
				cookie := sessions.signIn(onerefresh.Token{AccessToken: "old", RefreshToken: "r1", Received: received, Expiry: received.Add(life)})
				var got string
				h := group.Middleware(g, sessions, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					token, _ := group.TokenFrom(r.Context())
					got = token.AccessToken
				}))
				r := httptest.NewRequest("GET", "/", nil)
				if c.cookie {
					r.AddCookie(cookie)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != c.status || got != c.token || exchanges != c.exchanges {
					t.Errorf("status %d, token %q, %d exchanges; want %d, %q, %d", w.Code, got, exchanges, c.status, c.token, c.exchanges)
				}
				if after := w.Header().Get("Retry-After"); after != c.retryAfter && c.status == 503 {
					t.Errorf("Retry-After: %s", after)
				}
				if _, stays := sessions.rows[cookie.Value]; stays != c.stays {
					t.Errorf("signed in: %v", stays)
				}
			})
		})
	}
}

func TestRejectedReturnsAnotherToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sessions := newTable()
		keys := make(map[string]int)
		g := newGroup(t, group.Options{Save: sessions.Save, Refresh: func(_ context.Context, key group.Key) (onerefresh.Response, error) {
			keys[key.RefreshToken]++
			return onerefresh.Response{AccessToken: "after " + key.RefreshToken, RefreshToken: key.RefreshToken + "+", ExpiresIn: time.Hour}, nil
		}})
		cookie := sessions.signIn(onerefresh.Token{AccessToken: "old", RefreshToken: "r"})
		h := group.Middleware(g, sessions, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, err := group.Rejected(r.Context())
			if err != nil || token.AccessToken != "after r+" {
				t.Errorf("%s, %v", token.AccessToken, err)
			}
		}))
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(cookie)
		h.ServeHTTP(httptest.NewRecorder(), r)
		if len(keys) != 2 || keys["r"] != 1 || keys["r+"] != 1 {
			t.Errorf("presented %v", keys)
		}
		if _, err := group.Rejected(t.Context()); !errors.Is(err, onerefresh.ErrSignedOut) {
			t.Errorf("without the middleware: %v", err)
		}
	})
}
