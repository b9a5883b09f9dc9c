package group_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/group"
)

var alice = group.Key{Client: "web", RefreshToken: "r1", Organization: "org"}

func newGroup(t testing.TB, opts group.Options) *group.Group {
	t.Helper()
	g, err := group.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// rotating answers after a second, with tokens named for how often it was asked.
func rotating(asked *atomic.Int64) func(context.Context, group.Key) (onerefresh.Response, error) {
	return func(_ context.Context, key group.Key) (onerefresh.Response, error) {
		n := strconv.FormatInt(asked.Add(1), 10)
		time.Sleep(time.Second)
		return onerefresh.Response{AccessToken: "a" + n, RefreshToken: key.RefreshToken + "+" + n, ExpiresIn: time.Hour}, nil
	}
}

// wantEmpty checks that nothing is left behind.
func wantEmpty(t *testing.T, g *group.Group) {
	t.Helper()
	if flights, kept := g.Len(); flights != 0 || kept != 0 {
		t.Errorf("%d flights, %d kept tokens are left behind", flights, kept)
	}
}

func TestConcurrentCallersShareOneExchangeAndOneSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, saved atomic.Int64
		g := newGroup(t, group.Options{Refresh: rotating(&asked), Save: func(_ context.Context, key group.Key, token onerefresh.Token) error {
			saved.Add(1)
			if key != alice || token.RefreshToken != "r1+1" {
				t.Errorf("saved %s", token.AccessToken)
			}
			return nil
		}})
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // some while it is under way, some after
				rejected := ""
				if i%2 == 0 {
					rejected = "stale" // a forced refresh joins as well
				}
				token, err := g.Refresh(t.Context(), alice, rejected)
				if err != nil || token.AccessToken != "a1" || token.RefreshToken != "r1+1" {
					t.Errorf("%s, %v", token.AccessToken, err)
				}
				if saved.Load() != 1 {
					t.Error("a caller is answered before the token is saved")
				}
			})
		}
		wg.Wait()
		if asked.Load() != 1 || saved.Load() != 1 {
			t.Errorf("%d exchanges, %d saved", asked.Load(), saved.Load())
		}
	})
}

func TestKeysAreIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g := newGroup(t, group.Options{Refresh: rotating(&asked)})
		keys := []group.Key{alice, {"web", "r1", ""}, {"web", "r1", "other"}, {"app", "r1", "org"}, {"web", "r2", "org"},
			{"web", "r1org", ""}, {"webr1", "", "org"}, {"web", "r1\x00org", ""}}
		var wg sync.WaitGroup
		for _, key := range keys {
			wg.Go(func() {
				token, err := g.Refresh(t.Context(), key, "")
				if (err != nil) != (key.RefreshToken == "") || err == nil && !strings.HasPrefix(token.RefreshToken, key.RefreshToken+"+") {
					t.Errorf("%q: %q, %v", key, token.RefreshToken, err)
				}
			})
		}
		wg.Wait()
		if n := asked.Load(); n != int64(len(keys)-1) { // one has no refresh token
			t.Errorf("%d exchanges", n)
		}
	})
}

func TestErrorsFanOutAndTheNextCallTriesAnew(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func() error
		want error
		sent int64 // a request that is not answered is sent once more
	}{
		{"refused", func() error { return &onerefresh.RefreshError{Status: 400, Code: "invalid_grant"} }, onerefresh.ErrSessionEnded, 1},
		{"unavailable", func() error { return &onerefresh.RefreshError{Status: 503} }, onerefresh.ErrTemporarilyUnavailable, 1},
		{"misconfigured", func() error { return &onerefresh.RefreshError{Status: 401, Code: "invalid_client"} }, onerefresh.ErrMisconfigured, 1},
		{"network", func() error { return errors.New("reset") }, onerefresh.ErrTemporarilyUnavailable, 2},
		{"panic", func() error { panic("no") }, onerefresh.ErrTemporarilyUnavailable, 2},
		{"Goexit", func() error { runtime.Goexit(); return nil }, onerefresh.ErrTemporarilyUnavailable, 2},
	} {
		for _, latency := range []time.Duration{0, time.Second} {
			t.Run(fmt.Sprintf("%s after %v", c.name, latency), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					failing := true
					var asked atomic.Int64
					g := newGroup(t, group.Options{Refresh: func(context.Context, group.Key) (onerefresh.Response, error) {
						asked.Add(1)
						if failing {
							time.Sleep(latency)
							return onerefresh.Response{}, c.fail()
						}
						return onerefresh.Response{AccessToken: "a", ExpiresIn: time.Hour}, nil
					}, Grace: -1})
					var wg sync.WaitGroup
					for range 10 {
						wg.Go(func() {
							if _, err := g.Refresh(t.Context(), alice, ""); !errors.Is(err, c.want) {
								t.Errorf("error %v, want %v", err, c.want)
							}
						})
					}
					wg.Wait()
					wantEmpty(t, g)
					if n := asked.Load(); latency > 0 && n != c.sent {
						t.Errorf("%d exchanges", n)
					}
					failing = false
					if token, err := g.Refresh(t.Context(), alice, ""); err != nil || token.AccessToken != "a" || token.RefreshToken != "r1" {
						t.Errorf("the next call: %s, %v", token.AccessToken, err)
					}
					wantEmpty(t, g)
				})
			})
		}
	}
}

func TestACallerWhoGivesUpHurtsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g := newGroup(t, group.Options{Refresh: rotating(&asked)})
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { // the one who starts it
			if _, err := g.Refresh(ctx, alice, ""); !errors.Is(err, onerefresh.ErrAborted) || !errors.Is(err, gone) {
				t.Errorf("error %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if token, err := g.Refresh(t.Context(), alice, ""); err != nil || token.AccessToken != "a1" {
				t.Errorf("%s, %v", token.AccessToken, err)
			}
		})
		synctest.Wait()
		cancel(gone)
		wg.Wait()
		if _, err := g.Refresh(ctx, alice, ""); !errors.Is(err, onerefresh.ErrAborted) {
			t.Errorf("error %v", err)
		}
		if asked.Load() != 1 {
			t.Errorf("%d exchanges", asked.Load())
		}
	})
}

func TestLateCallersGetTheNewTokenForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g := newGroup(t, group.Options{Refresh: rotating(&asked), Grace: time.Minute})
		for i, c := range []struct {
			after    time.Duration
			rejected string
			want     string
		}{
			{0, "", "a1"},
			{30 * time.Second, "", "a1"},
			{29 * time.Second, "stale", "a1"},
			{0, "a1", "a2"}, // what was kept is refused
			{30 * time.Second, "a1", "a2"},
			{time.Minute, "", "a3"}, // no longer kept: what the server says of a spent token is its business
		} {
			time.Sleep(c.after)
			if token, err := g.Refresh(t.Context(), alice, c.rejected); err != nil || token.AccessToken != c.want {
				t.Errorf("%d: %s, %v; want %s", i, token.AccessToken, err, c.want)
			}
		}
		time.Sleep(time.Minute)
		wantEmpty(t, g)
	})
}

func TestAKeptTokenThatHasExpiredIsNotGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		g := newGroup(t, group.Options{Refresh: func(context.Context, group.Key) (onerefresh.Response, error) {
			asked++
			return onerefresh.Response{AccessToken: "a" + strconv.Itoa(asked), ExpiresIn: 10 * time.Second}, nil // it does not rotate
		}, Grace: time.Minute})
		for want := 1; want <= 3; want++ {
			if token, err := g.Refresh(t.Context(), alice, ""); err != nil || token.AccessToken != "a"+strconv.Itoa(want) {
				t.Errorf("%s, %v", token.AccessToken, err)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g := newGroup(t, group.Options{Refresh: rotating(&asked), MostKept: 10})
		key := func(i int) group.Key { return group.Key{RefreshToken: strconv.Itoa(i)} }
		for i := range 100 {
			if _, err := g.Refresh(t.Context(), key(i), ""); err != nil {
				t.Fatal(err)
			}
		}
		if flights, kept := g.Len(); flights != 0 || kept != 10 {
			t.Errorf("%d flights, %d kept", flights, kept)
		}
		before := asked.Load()
		g.Refresh(t.Context(), key(99), "")
		if asked.Load() != before {
			t.Error("the newest was dropped")
		}
	})
}

// The endpoint answers after the time for it is over: the only good refresh
// token must not be dropped.
func TestALateAnswerIsSavedAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var saved atomic.Int64
		asked := 0
		g := newGroup(t, group.Options{
			Refresh: func(context.Context, group.Key) (onerefresh.Response, error) {
				asked++
				time.Sleep(12 * time.Second)
				return onerefresh.Response{AccessToken: "late", RefreshToken: "r2", ExpiresIn: time.Hour}, nil
			},
			Save: func(context.Context, group.Key, onerefresh.Token) error { saved.Add(1); return nil },
		})
		if _, err := g.Refresh(t.Context(), alice, ""); !errors.Is(err, onerefresh.ErrTemporarilyUnavailable) {
			t.Errorf("error %v", err)
		}
		time.Sleep(5 * time.Second)
		token, err := g.Refresh(t.Context(), alice, "")
		if err != nil || token.AccessToken != "late" || asked != 1 || saved.Load() != 1 {
			t.Errorf("%s, %v after %d exchanges, %d saved", token.AccessToken, err, asked, saved.Load())
		}
	})
}

func TestSaveThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		var tries atomic.Int64
		g := newGroup(t, group.Options{Refresh: rotating(&asked), Save: func(context.Context, group.Key, onerefresh.Token) error {
			if tries.Add(1) < 4 {
				return errors.New("the database is away")
			}
			return nil
		}})
		if token, err := g.Refresh(t.Context(), alice, ""); err != nil || token.AccessToken != "a1" {
			t.Errorf("%s, %v", token.AccessToken, err)
		}
		time.Sleep(time.Hour)
		if tries.Load() != 4 {
			t.Errorf("%d tries", tries.Load())
		}
	})
}

func TestSaveThatPanicsLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g := newGroup(t, group.Options{Refresh: rotating(&asked), Save: func(context.Context, group.Key, onerefresh.Token) error { panic("no") }})
		if _, err := g.Refresh(t.Context(), alice, ""); !errors.Is(err, onerefresh.ErrInternal) {
			t.Errorf("error %v", err)
		}
		// The token is there for those who ask again: the old one is spent.
		if token, err := g.Refresh(t.Context(), alice, ""); err != nil || token.AccessToken != "a1" {
			t.Errorf("%s, %v", token.AccessToken, err)
		}
	})
}

func TestOptions(t *testing.T) {
	for _, opts := range []group.Options{{}, {Refresh: rotating(new(atomic.Int64)), Provider: "nobody"}, {Refresh: rotating(new(atomic.Int64)), ExchangeTimeout: -1}} {
		if _, err := group.New(opts); !errors.Is(err, onerefresh.ErrInvalidOptions) {
			t.Errorf("error %v", err)
		}
	}
}

func TestKeyDoesNotShowItsToken(t *testing.T) {
	if text := fmt.Sprintf("%v %+v %#v %s", alice, alice, alice, alice); strings.Contains(text, "r1") {
		t.Error(text)
	}
}
