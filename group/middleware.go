package group

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/onerefresh/onerefresh"
)

// Sessions are the server-side sessions of a program, which a cookie names.
type Sessions interface {
	// Find returns the key and the token of the session that a request belongs
	// to; ok is false if there is none. The group's Save stores what comes of a
	// refresh.
	Find(r *http.Request) (key Key, token onerefresh.Token, ok bool, err error)

	// End removes the session of a request, unless it has another refresh token
	// than key's by now: the authorization server has ended it.
	End(r *http.Request, key Key) error
}

// margin is how long before its expiry a token is refreshed, though never more
// than a quarter of its lifetime.
const margin = 30 * time.Second

// Middleware returns a handler that gives next a valid token; see [TokenFrom].
// It answers 401 where there is no session, or no longer, 503 with Retry-After
// where there is no token for now, and 500 where the server is at fault. While
// the access token is valid, that nobody can refresh it does not matter.
func Middleware(g *Group, sessions Sessions, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, token, ok, err := sessions.Find(r)
		if err != nil {
			http.Error(w, "the session cannot be read", http.StatusInternalServerError)
			return
		}
		if !ok {
			http.Error(w, "not signed in", http.StatusUnauthorized)
			return
		}
		now := g.opts.Clock.Now()
		if early := min(margin, token.Expiry.Sub(token.Received)/4); !now.Before(token.Expiry.Add(-early)) {
			renewed, err := g.Refresh(r.Context(), key, "")
			switch {
			case err == nil:
				token = renewed
			case errors.Is(err, onerefresh.ErrSessionEnded):
				if sessions.End(r, key) != nil {
					http.Error(w, "the session cannot be ended", http.StatusInternalServerError)
					return
				}
				http.Error(w, "signed out", http.StatusUnauthorized)
				return
			case !now.Before(token.Expiry):
				unavailable(w, err)
				return
			}
		}
		request := r.WithContext(context.WithValue(r.Context(), contextKey{}, requestToken{g, key, token}))
		next.ServeHTTP(w, request)
	})
}

func unavailable(w http.ResponseWriter, err error) {
	var e *onerefresh.Error
	if errors.As(err, &e) && e.Code != onerefresh.CodeTemporarilyUnavailable && e.Code != onerefresh.CodeAborted {
		http.Error(w, "no token can be had", http.StatusInternalServerError)
		return
	}
	wait := time.Second
	if e != nil {
		wait = max(wait, e.RetryAfter)
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	http.Error(w, "no token can be had for now", http.StatusServiceUnavailable)
}

type contextKey struct{}

type requestToken struct {
	group *Group
	key   Key
	token onerefresh.Token
}

// TokenFrom returns the token that [Middleware] has put into the context of a
// request. Its refresh token is not for the handler to spend.
func TokenFrom(ctx context.Context) (token onerefresh.Token, ok bool) {
	t, ok := ctx.Value(contextKey{}).(requestToken)
	return t.token, ok
}

// Rejected returns another token than the one that [Middleware] has put into
// ctx, for a handler whose resource server has refused that. It joins a refresh
// that is under way.
//
// The error is that of [Group.Refresh], and [onerefresh.ErrSignedOut] without the
// middleware. After [onerefresh.ErrSessionEnded] the handler has to end the
// session: to the middleware the token that was refused looks valid.
func Rejected(ctx context.Context) (onerefresh.Token, error) {
	t, ok := ctx.Value(contextKey{}).(requestToken)
	if !ok {
		return onerefresh.Token{}, onerefresh.ErrSignedOut
	}
	key := t.key
	if t.token.RefreshToken != "" {
		key.RefreshToken = t.token.RefreshToken // it was refreshed on the way here
	}
	return t.group.Refresh(ctx, key, t.token.AccessToken)
}
