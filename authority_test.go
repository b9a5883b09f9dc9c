package onerefresh_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

// authority is an authorization server with rotation and strict reuse
// detection, and a ledger of what it was sent.
type authority struct {
	latency  time.Duration
	lifetime time.Duration

	mu        sync.Mutex
	serial    int
	current   string   // the one refresh token that is good
	presented []string // every refresh token that was sent
	reused    int
	revoked   []string  // in the order of the requests
	trouble   []trouble // for the next requests
}

// trouble takes the place of, or happens to, one request. rotate grants a new
// token as if nothing was wrong.
type trouble func(ctx context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error)

func newAuthority() *authority {
	return &authority{latency: 50 * time.Millisecond, lifetime: time.Hour}
}

// grant opens a new family of tokens, whose access token is stale at once.
func (a *authority) grant() onerefresh.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.next()
	r.ExpiresIn = 0
	return r
}

func (a *authority) next() onerefresh.Response {
	a.serial++
	a.current = fmt.Sprintf("refresh-secret-%d", a.serial)
	return onerefresh.Response{
		AccessToken:  fmt.Sprintf("access-secret-%d", a.serial),
		TokenType:    "Bearer",
		RefreshToken: a.current,
		ExpiresIn:    a.lifetime,
	}
}

func (a *authority) Refresh(ctx context.Context, refreshToken string) (onerefresh.Response, error) {
	a.mu.Lock()
	a.presented = append(a.presented, refreshToken)
	var t trouble
	if len(a.trouble) > 0 {
		t, a.trouble = a.trouble[0], a.trouble[1:]
	}
	a.mu.Unlock()
	rotate := func() (onerefresh.Response, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if refreshToken != a.current {
			a.reused++
			a.current = "" // the family is revoked
			return onerefresh.Response{}, &onerefresh.RefreshError{Status: 400, Code: "invalid_grant", Description: "token " + refreshToken + " is spent"}
		}
		return a.next(), nil
	}
	if t != nil {
		return t(ctx, rotate)
	}
	if err := sleep(ctx, a.latency); err != nil {
		return onerefresh.Response{}, err
	}
	return rotate()
}

func (a *authority) Revoke(ctx context.Context, refreshToken string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked = append(a.revoked, refreshToken)
	return nil
}

// revocations returns the refresh tokens that were revoked, once what is under
// way has come to its end.
func (a *authority) revocations() []string {
	time.Sleep(time.Second) // of the bubble's clock
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.revoked)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *authority) expect(t ...trouble) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trouble = append(a.trouble, t...)
}

// exchanges returns the number of refresh tokens that were sent.
func (a *authority) exchanges() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.presented)
}

// mustHaveSeen fails the test unless exactly n refresh tokens were sent, each
// of them once.
func (a *authority) mustHaveSeen(t *testing.T, n int) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	sent := slices.Clone(a.presented)
	slices.Sort(sent)
	if distinct := len(slices.Compact(sent)); len(a.presented) != n || distinct != n || a.reused > 0 {
		t.Errorf("the token endpoint got %d refresh tokens, %d of them distinct, %d spent; want %d, each once: %q",
			len(a.presented), distinct, a.reused, n, a.presented)
	}
}

func refusal(status int, code string) trouble {
	return func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
		return onerefresh.Response{}, &onerefresh.RefreshError{Status: status, Code: code}
	}
}

var errReset = errors.New("connection reset")

// resetBefore loses the request, resetAfter the answer.
func resetBefore(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
	return onerefresh.Response{}, errReset
}

func resetAfter(_ context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error) {
	rotate()
	return onerefresh.Response{}, errReset
}

// world is one user's session as several tabs share it.
type world struct {
	t *testing.T
	*authority
	store  *stores.MemoryStore
	locker onerefresh.Locker

	mu     sync.Mutex
	events []onerefresh.Event
}

func newWorld(t *testing.T) *world {
	// A caller may be answered before the flight has landed.
	t.Cleanup(func() { time.Sleep(time.Minute) })
	return &world{t: t, authority: newAuthority(), store: stores.Memory(), locker: locks.Process()}
}

// open opens a tab.
func (w *world) open(change ...func(*onerefresh.Options)) *onerefresh.Session {
	w.t.Helper()
	o := onerefresh.Options{Name: "session", Store: w.store, Locker: w.locker, Refresher: w, Revoker: w, OnEvent: func(e onerefresh.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	}}
	for _, f := range change {
		f(&o)
	}
	s, err := onerefresh.Open(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.Close)
	return s
}

// openSignedIn opens n tabs of a session whose access token is stale.
func (w *world) openSignedIn(n int) []*onerefresh.Session {
	w.t.Helper()
	tabs := make([]*onerefresh.Session, n)
	for i := range tabs {
		tabs[i] = w.open()
	}
	w.signIn(tabs[0])
	return tabs
}

func (w *world) signIn(s *onerefresh.Session) {
	w.t.Helper()
	if err := s.SignIn(w.t.Context(), w.grant()); err != nil {
		w.t.Fatal(err)
	}
}

type result struct {
	token onerefresh.Token
	err   error
}

// storm has every tab ask for a token at the same moment.
func (w *world) storm(tabs ...*onerefresh.Session) []result {
	results := make([]result, len(tabs))
	var group sync.WaitGroup
	for i, s := range tabs {
		group.Go(func() { results[i].token, results[i].err = s.Token(w.t.Context()) })
	}
	group.Wait()
	return results
}

// mustHave fails the test unless all results are the token that is good now.
func (w *world) mustHave(results ...result) {
	w.t.Helper()
	w.authority.mu.Lock()
	want := fmt.Sprintf("access-secret-%d", w.serial)
	w.authority.mu.Unlock()
	for i, r := range results {
		if r.err != nil || r.token.AccessToken != want {
			w.t.Errorf("caller %d of %d: got %q, %v; want %q", i, len(results), r.token.AccessToken, r.err, want)
			return
		}
	}
}

func (w *world) mustFail(want error, results ...result) {
	w.t.Helper()
	for i, r := range results {
		if !errors.Is(r.err, want) {
			w.t.Errorf("caller %d of %d: got %q, %v; want %v", i, len(results), r.token.AccessToken, r.err, want)
			return
		}
	}
}

func (w *world) kinds() (kinds []onerefresh.EventKind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}
