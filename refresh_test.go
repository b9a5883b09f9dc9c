package onerefresh_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

// A failure that says nothing about the session keeps it, and keeps all tabs
// from the token endpoint for a while.
func TestTransientFailureKeepsTheSession(t *testing.T) {
	for name, tc := range map[string]struct {
		trouble   []trouble
		exchanges int // that the endpoint gets before the cooldown
		want      error
	}{
		"500":            {[]trouble{refusal(500, "")}, 1, onerefresh.ErrTemporarilyUnavailable},
		"502":            {[]trouble{refusal(502, "")}, 1, onerefresh.ErrTemporarilyUnavailable},
		"503":            {[]trouble{refusal(503, "invalid_grant")}, 1, onerefresh.ErrTemporarilyUnavailable},
		"408":            {[]trouble{refusal(408, "")}, 1, onerefresh.ErrTemporarilyUnavailable},
		"425":            {[]trouble{refusal(425, "")}, 1, onerefresh.ErrTemporarilyUnavailable},
		"429":            {[]trouble{refusal(429, "slow_down")}, 1, onerefresh.ErrTemporarilyUnavailable},
		"400 unheard of": {[]trouble{refusal(400, "gremlins")}, 1, onerefresh.ErrTemporarilyUnavailable},
		"403 page":       {[]trouble{refusal(403, "")}, 1, onerefresh.ErrTemporarilyUnavailable},
		"network":        {[]trouble{resetBefore, resetBefore}, 2, onerefresh.ErrTemporarilyUnavailable},
		"timeout":        {[]trouble{waitForTheEnd}, 1, onerefresh.ErrTemporarilyUnavailable},
		"client":         {[]trouble{refusal(401, "invalid_client")}, 1, onerefresh.ErrMisconfigured},
		"unauthorized":   {[]trouble{refusal(400, "unauthorized_client")}, 1, onerefresh.ErrMisconfigured},
		"grant type":     {[]trouble{refusal(400, "unsupported_grant_type")}, 1, onerefresh.ErrMisconfigured},
		"not JSON":       {[]trouble{broken("", onerefresh.Response{})}, 1, onerefresh.ErrTemporarilyUnavailable},
		"no token":       {[]trouble{answer(onerefresh.Response{})}, 1, onerefresh.ErrMisconfigured},
		"expires_in":     {[]trouble{broken("expires_in", onerefresh.Response{})}, 1, onerefresh.ErrMisconfigured},
		"panic":          {[]trouble{panics, panics}, 2, onerefresh.ErrTemporarilyUnavailable},
		"goexit":         {[]trouble{exits, exits}, 2, onerefresh.ErrTemporarilyUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				tabs := w.openSignedIn(20)
				w.expect(tc.trouble...)
				w.mustFail(tc.want, w.storm(tabs...)...)
				w.mustFail(tc.want, w.storm(tabs...)...)
				w.mustFail(tc.want, w.storm(w.open())...) // and a tab opened later
				if n := w.exchanges(); n != tc.exchanges {
					t.Errorf("%d exchanges, want %d", n, tc.exchanges)
				}
				time.Sleep(time.Second) // longer than the first cooldown
				w.mustHave(w.storm(tabs...)...)
				if n := w.exchanges(); n != tc.exchanges+1 {
					t.Errorf("%d exchanges, want %d", n, tc.exchanges+1)
				}
			})
		})
	}
}

func waitForTheEnd(ctx context.Context, _ func() (onerefresh.Response, error)) (onerefresh.Response, error) {
	<-ctx.Done()
	return onerefresh.Response{}, context.Cause(ctx)
}

func panics(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
	panic("refresher")
}

func exits(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
	runtime.Goexit()
	return onerefresh.Response{}, nil
}

func answer(r onerefresh.Response) trouble {
	return func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
		return r, nil
	}
}

func broken(field string, partial onerefresh.Response) trouble {
	return func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
		return partial, &onerefresh.FieldError{Field: field, Problem: "broken"}
	}
}

func TestRetryAfterHoldsForAllTabs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(5)
		w.expect(func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			return onerefresh.Response{}, &onerefresh.RefreshError{Status: 429, RetryAfter: 2 * time.Minute}
		})
		w.storm(tabs...)
		time.Sleep(119 * time.Second)
		results := w.storm(tabs...)
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, results...)
		var e *onerefresh.Error
		if errors.As(results[4].err, &e) && e.RetryAfter != time.Second {
			t.Errorf("RetryAfter is %v, want a second", e.RetryAfter)
		}
		w.mustHaveSeen(t, 1)
		time.Sleep(time.Second)
		w.mustHave(w.storm(tabs...)...)
	})
}

func TestFailuresInARowAreSpacedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tab := w.openSignedIn(1)[0]
		for range 1000 {
			w.expect(refusal(503, ""))
		}
		for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(100 * time.Millisecond) {
			w.storm(tab)
		}
		if n := w.exchanges(); n < 120 || n > 260 {
			t.Errorf("%d exchanges in an hour of 503, want one in 15 to 30 seconds", n)
		}
	})
}

func TestFailedEarlyRefreshIsNobodysProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		w.mustHave(w.storm(tabs...)...)
		time.Sleep(w.lifetime - 20*time.Second) // within the margin
		w.expect(refusal(503, ""))
		w.mustHave(w.storm(tabs...)...)
		if n := w.exchanges(); n != 2 {
			t.Errorf("%d exchanges, want 2", n)
		}
	})
}

// Nor is a store that fails, for as long as the access token lasts.
func TestStoreThatFailsBeforeAnEarlyRefreshIsNobodysProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		full := &fullStore{MemoryStore: w.store}
		tab := w.open(func(o *onerefresh.Options) { o.Store = full })
		w.signIn(tab)
		w.mustHave(w.storm(tab)...)
		full.full.Store(true)
		time.Sleep(w.lifetime - 20*time.Second) // within the margin
		w.mustHave(w.storm(tab)...)
		w.mustHaveSeen(t, 1)
		time.Sleep(20 * time.Second)
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, w.storm(tab)...)
	})
}

func TestPermanentRefusalEndsTheSessionOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(5)
		w.expect(refusal(400, "invalid_grant"))
		results := append(w.storm(tabs...), w.storm(tabs...)...)
		w.mustFail(onerefresh.ErrSessionEnded, results...)
		w.mustFail(onerefresh.ErrSessionEnded, w.storm(w.open())...)
		w.mustHaveSeen(t, 1)
		for _, r := range results {
			var e *onerefresh.Error
			if errors.As(r.err, &e) && (e.Ended.Reason != "invalid_grant" || e.Ended.AnswerLost) {
				t.Errorf("got %+v", e.Ended)
			}
		}
		synctest.Wait()
		if n := len(w.kinds()); n != 5+5 {
			t.Errorf("events %q, want one sign-in and one sign-out for each tab", w.kinds())
		}
		w.signIn(tabs[0])
		w.mustHave(w.storm(tabs...)...)
	})
}

func TestRefusedTokenThatAPeerHasReplacedIsNotTheEnd(t *testing.T) {
	for _, delay := range []time.Duration{0, 40 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				tab := w.openSignedIn(1)[0]
				w.expect(func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
					go func() { // a writer that knows no lock
						time.Sleep(delay)
						old, _ := w.store.Peek()
						r := old
						r.Generation++
						r.Writer = "elsewhere"
						r.Token = onerefresh.Token{AccessToken: "theirs", RefreshToken: "theirs too", Received: time.Now(), Expiry: time.Now().Add(time.Hour)}
						if err := w.store.CompareAndSwap(t.Context(), old, r); err != nil {
							t.Error(err)
						}
					}()
					return onerefresh.Response{}, &onerefresh.RefreshError{Status: 400, Code: "invalid_grant"}
				})
				token, err := tab.Token(t.Context())
				if err != nil || token.AccessToken != "theirs" {
					t.Errorf("got %q, %v", token.AccessToken, err)
				}
				w.mustHaveSeen(t, 1)
			})
		})
	}
}

func TestLostAnswerIsAskedForAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(5)
		// A server with a grace period answers the second request like the first.
		w.expect(resetAfter, func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			return onerefresh.Response{AccessToken: "access-secret-2", RefreshToken: "refresh-secret-2", ExpiresIn: time.Hour}, nil
		})
		w.mustHave(w.storm(tabs...)...)
		if n := w.exchanges(); n != 2 {
			t.Errorf("%d exchanges, want 2", n)
		}
	})
}

// losable is a Locker whose lock can be taken away, as the browser does with a
// page that is left, and other code with the option steal.
type losable struct {
	onerefresh.Locker
	lose func() // the lock that was granted last
}

func (l *losable) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	held, unlock, err := l.Locker.Lock(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	held, end := context.WithCancelCause(held)
	l.lose = func() {
		end(onerefresh.ErrLockLost)
		unlock()
	}
	return held, func() {
		end(nil)
		unlock()
	}, nil
}

// Whoever has lost the lock must not present its refresh token once more: a peer
// may have done so, and got the answer that was lost.
func TestAnswerLostWithTheLockIsNotAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		locker := &losable{Locker: w.locker}
		tabs := []*onerefresh.Session{w.open(func(o *onerefresh.Options) { o.Locker = locker }), w.open()}
		w.signIn(tabs[0])
		w.expect(func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			locker.lose()
			w.mustHave(w.storm(tabs[1])...)
			return onerefresh.Response{}, errReset
		})
		w.mustHave(w.storm(tabs[0])...)
		time.Sleep(time.Second)
		if n := w.exchanges(); n != 2 || w.reused > 0 {
			t.Errorf("%d exchanges, %d of a spent token; want one of each tab", n, w.reused)
		}
	})
}

// Without a peer it is asked for, once the lock is held again.
func TestAnswerLostWithTheLockIsAskedForUnderTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		locker := &losable{Locker: w.locker}
		tab := w.open(func(o *onerefresh.Options) { o.Locker = locker })
		w.signIn(tab)
		w.expect(func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			locker.lose()
			_, unlock, err := w.locker.Lock(t.Context(), "session")
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Second, func() {
				if n := w.exchanges(); n > 1 {
					t.Errorf("%d exchanges without the lock", n-1)
				}
				unlock()
			})
			return onerefresh.Response{}, errReset
		})
		w.mustHave(w.storm(tab)...)
		if n := w.exchanges(); n != 2 {
			t.Errorf("%d exchanges, want 2", n)
		}
	})
}

// A lock that is lost before anything was sent is waited for anew.
func TestLockLostBeforeTheExchange(t *testing.T) {
	for name, record := range map[string]bool{"while the attempt is put on record": false, "right after": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				locker := &losable{Locker: w.locker}
				store := &swapStore{MemoryStore: w.store}
				tab := w.open(func(o *onerefresh.Options) { o.Locker, o.Store = locker, store })
				w.signIn(tab)
				store.swap = func(ctx context.Context, old, new onerefresh.Record) error {
					store.swap = nil
					locker.lose()
					_, unlock, err := w.locker.Lock(t.Context(), "session") // by a peer
					if err != nil {
						t.Fatal(err)
					}
					time.AfterFunc(time.Second, func() {
						if n := w.exchanges(); n > 0 {
							t.Errorf("%d exchanges without the lock", n)
						}
						if rec, err := w.store.Peek(); err != nil || rec.Attempt.Count > 0 {
							t.Errorf("%d attempts on record, although nothing was sent (%v)", rec.Attempt.Count, err)
						}
						unlock()
					})
					if record {
						return w.store.CompareAndSwap(context.WithoutCancel(ctx), old, new)
					}
					return context.Cause(ctx)
				}
				w.mustHave(w.storm(tab)...)
				time.Sleep(2 * time.Second)
				w.mustHaveSeen(t, 1)
			})
		})
	}
}

// swapStore does something else in place of the next swap.
type swapStore struct {
	*stores.MemoryStore
	swap func(ctx context.Context, old, new onerefresh.Record) error
}

func (s *swapStore) CompareAndSwap(ctx context.Context, old, new onerefresh.Record) error {
	if s.swap != nil {
		return s.swap(ctx, old, new)
	}
	return s.MemoryStore.CompareAndSwap(ctx, old, new)
}

func TestAnswerLostOnAStrictServerIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(5)
		w.expect(resetAfter)
		results := w.storm(tabs...)
		w.mustFail(onerefresh.ErrSessionEnded, results...)
		for _, r := range results {
			var e *onerefresh.Error
			if errors.As(r.err, &e) && !e.Ended.AnswerLost {
				t.Errorf("got %+v", e.Ended)
			}
		}
		if n := w.exchanges(); n != 2 {
			t.Errorf("%d exchanges, want 2", n)
		}
	})
}

// What a server says of one presentation tells nothing of the one before it.
func TestLostAnswerIsNotForgottenOverARefusalThatSpendsNothing(t *testing.T) {
	for name, refused := range map[string]trouble{
		"transient":     refusal(429, ""),
		"misconfigured": refusal(401, "invalid_client"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				tabs := w.openSignedIn(2)
				w.expect(resetAfter, refused)
				w.storm(tabs...)
				time.Sleep(time.Minute) // the cooldown
				results := w.storm(tabs...)
				w.mustFail(onerefresh.ErrSessionEnded, results...)
				var e *onerefresh.Error
				if !errors.As(results[0].err, &e) || !e.Ended.AnswerLost {
					t.Errorf("got %+v", e.Ended)
				}
			})
		})
	}
}

// A holder that dies in mid-exchange leaves its attempt on record.
func TestNextHolderKnowsOfTheAttemptOfADeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(5)
		old, _ := w.store.Peek()
		dead := old
		dead.Generation++
		dead.Writer = "dead"
		dead.Attempt = onerefresh.Attempt{At: time.Now(), By: "dead", Count: 1}
		if err := w.store.CompareAndSwap(t.Context(), old, dead); err != nil {
			t.Fatal(err)
		}
		w.Refresh(t.Context(), dead.Token.RefreshToken) // what it sent before it died
		results := w.storm(tabs...)
		w.mustFail(onerefresh.ErrSessionEnded, results...)
		var e *onerefresh.Error
		if !errors.As(results[0].err, &e) || !e.Ended.AnswerLost {
			t.Errorf("got %v", results[0].err)
		}
	})
}

func TestLateAnswerIsNotDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		w.expect(func(_ context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			time.Sleep(10*time.Second + 100*time.Millisecond) // heeds no context
			return rotate()
		})
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, w.storm(tabs...)...)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		w.mustHave(w.storm(tabs...)...)
		w.mustHaveSeen(t, 1)
	})
}

// A tab that was frozen wakes up, and its timers fire before the answer is
// delivered. To a strict server a peer must not send the spent token again.
func TestAnswerThatCameWhileFrozenIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var frozen atomic.Bool
		clock := clockFunc(func() time.Time {
			if frozen.Load() {
				return time.Now().Add(time.Hour)
			}
			return time.Now()
		})
		tabs := []*onerefresh.Session{w.open(func(o *onerefresh.Options) { o.Clock = clock }), w.open(func(o *onerefresh.Options) { o.Clock = clock })}
		w.signIn(tabs[0])
		w.expect(func(ctx context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			response, err := rotate()
			frozen.Store(true)
			<-ctx.Done()
			time.Sleep(3 * time.Second)
			return response, err
		})
		w.mustHave(w.storm(tabs...)...)
		w.mustHaveSeen(t, 1)
	})
}

// What the server calls the lifetime has begun when the answer is received.
func TestSlowAnswerShortensTheLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.open(func(o *onerefresh.Options) { o.ExchangeTimeout = time.Minute })
		w.signIn(s)
		w.expect(func(ctx context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			response, err := rotate()
			response.ExpiresIn = time.Minute
			time.Sleep(40 * time.Second)
			return response, err
		})
		w.mustHave(w.storm(s)...)
		w.mustHaveSeen(t, 1)
		time.Sleep(20 * time.Second)
		w.mustHave(w.storm(s)...)
		w.mustHaveSeen(t, 2)
	})
}

func TestLateAnswerThatIsBrokenDoesNotLoseTheRotatedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tab := w.openSignedIn(1)[0]
		w.expect(func(_ context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			time.Sleep(11 * time.Second)
			r, err := rotate()
			if err != nil {
				return r, err
			}
			return r, &onerefresh.FieldError{Field: "expires_in", Problem: "missing"}
		})
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, w.storm(tab)...)
		time.Sleep(time.Minute)
		w.mustHave(w.storm(tab)...)
		w.mustHaveSeen(t, 2)
	})
}

type clockFunc func() time.Time

func (f clockFunc) Now() time.Time { return f() }

func TestExchangeThatHangsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		released := make(chan struct{})
		defer close(released)
		tabs := w.openSignedIn(20)
		w.expect(func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			<-released
			return onerefresh.Response{}, errReset
		})
		began := time.Now()
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, w.storm(tabs...)...)
		if waited := time.Since(began); waited != 10*time.Second {
			t.Errorf("twenty tabs waited %v, want one timeout of 10 s for all", waited)
		}
	})
}

// A broken answer may still hold the refresh token that the server has rotated
// to: to drop it would lose the session.
func TestBrokenAnswerDoesNotLoseTheRotatedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		w.expect(func(_ context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			r, _ := rotate()
			return onerefresh.Response{AccessToken: r.AccessToken, RefreshToken: r.RefreshToken}, &onerefresh.FieldError{Field: "expires_in", Problem: "a string"}
		})
		results := w.storm(tabs...)
		w.mustFail(onerefresh.ErrMisconfigured, results...)
		if got, want := results[0].err.Error(), "onerefresh: misconfigured: token response: expires_in: a string"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		time.Sleep(time.Second)
		w.mustHave(w.storm(tabs...)...)
		w.mustHaveSeen(t, 2)
	})
}

func TestTokenThatIsStaleOnArrivalIsNotAskedForInALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.lifetime = 0
		tabs := w.openSignedIn(5)
		w.mustHave(w.storm(tabs[0])...)
		w.mustFail(onerefresh.ErrMisconfigured, w.storm(tabs...)...)
		w.mustHaveSeen(t, 1)
	})
}

func TestTokenThatCouldNotBeStoredIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		full := &fullStore{MemoryStore: w.store}
		tab := w.open(func(o *onerefresh.Options) { o.Store = full })
		w.signIn(tab)
		w.expect(func(_ context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			full.full.Store(true)
			return rotate()
		})
		w.mustHave(w.storm(tab, tab)...)
		w.mustHave(w.storm(tab)...)
		w.mustHaveSeen(t, 1)
		// A peer must not spend again what it finds in the store.
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, w.storm(w.open())...)
		w.mustHaveSeen(t, 1)
		full.full.Store(false)
		time.Sleep(longestBackoff)
		w.mustHave(w.storm(w.open())...) // it is written as soon as that works
		w.mustHaveSeen(t, 1)
		time.Sleep(w.lifetime)
		w.mustHave(w.storm(tab, w.open())...)
		w.mustHaveSeen(t, 2)
	})
}

// A page that is left loses its locks, and has what it keeps when it comes back.
func TestKeptTokenIsGuardedAgainAfterItsLockWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		full, locker := &fullStore{MemoryStore: w.store}, &losable{Locker: w.locker}
		tab := w.open(func(o *onerefresh.Options) { o.Store, o.Locker = full, locker })
		w.signIn(tab)
		w.expect(func(_ context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			full.full.Store(true)
			return rotate()
		})
		w.mustHave(w.storm(tab)...)
		locker.lose()
		time.Sleep(longestBackoff)
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, w.storm(w.open())...)
		w.mustHaveSeen(t, 1)
		full.full.Store(false)
		time.Sleep(longestBackoff)
		w.mustHave(w.storm(w.open())...)
		w.mustHaveSeen(t, 1)
	})
}

const longestBackoff = 30 * time.Second

// fullStore refuses writes while full.
type fullStore struct {
	*stores.MemoryStore
	full atomic.Bool
}

func (s *fullStore) CompareAndSwap(ctx context.Context, old, new onerefresh.Record) error {
	if s.full.Load() {
		return errors.New("the disk is full")
	}
	return s.MemoryStore.CompareAndSwap(ctx, old, new)
}

// A cooldown that could not be written is no news when a peer has tried since.
func TestCooldownThatCouldNotBeStoredDoesNotReplaceAPeersAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		full := &fullStore{MemoryStore: w.store}
		w.signIn(w.open())
		w.expect(func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			full.full.Store(true)
			return onerefresh.Response{}, &onerefresh.RefreshError{Status: 429}
		}, waitForTheEnd)
		unlucky := w.open(func(o *onerefresh.Options) { o.Store = full })
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, w.storm(unlucky)...)

		peer := make(chan result, 1)
		go func() { peer <- w.storm(w.open())[0] }()
		synctest.Wait()
		attempt, _ := w.store.Peek()
		full.full.Store(false)
		time.Sleep(5 * time.Second) // by then what is kept has been tried again
		if now, _ := w.store.Peek(); now.Generation != attempt.Generation {
			t.Errorf("written over %+v: %+v", attempt.Attempt, now.Attempt)
		}
		<-peer
	})
}

func TestNothingIsSentThatCannotBePutOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		full := &fullStore{MemoryStore: w.store}
		tab := w.open(func(o *onerefresh.Options) { o.Store = full })
		w.signIn(tab)
		full.full.Store(true)
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, w.storm(tab)...)
		w.mustHaveSeen(t, 0)
		full.full.Store(false)
		w.mustHave(w.storm(tab)...)
	})
}

func TestUnreadableRecordIsNeitherUsedNorLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		bad := &unreadableStore{MemoryStore: w.store, unreadable: true}
		tab := w.open(func(o *onerefresh.Options) { o.Store = bad })
		results := w.storm(tab)
		w.mustFail(onerefresh.ErrMisconfigured, results...)
		var e *onerefresh.RecordError
		if !errors.As(results[0].err, &e) || e.Field != "refresh_token" {
			t.Errorf("got %v", results[0].err)
		}
		w.mustHaveSeen(t, 0)
		w.signIn(tab) // the way out for the user
		bad.unreadable = false
		w.mustHave(w.storm(tab)...)
	})
}

type unreadableStore struct {
	*stores.MemoryStore
	unreadable bool
}

func (s *unreadableStore) Peek() (onerefresh.Record, error) { return s.Load(context.Background()) }

func (s *unreadableStore) Load(ctx context.Context) (onerefresh.Record, error) {
	if s.unreadable {
		return onerefresh.Record{}, &onerefresh.RecordError{Where: "key", Field: "refresh_token", Problem: "want a string"}
	}
	return s.MemoryStore.Load(ctx)
}

// Where the lock reaches one tab alone, the recorded attempt keeps the others
// from sending the same token.
func TestAttemptServesAsALeaseWhereTheLockIsNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var tabs []*onerefresh.Session
		for range 20 {
			tabs = append(tabs, w.openUnshared())
		}
		w.signIn(tabs[0])
		for expiry := 1; expiry <= 5; expiry++ {
			w.mustHave(w.storm(tabs...)...)
			w.mustHaveSeen(t, expiry)
			time.Sleep(w.lifetime)
		}
		// A tab that died in mid-exchange holds the others up for a while only.
		old, _ := w.store.Peek()
		dead := old
		dead.Generation++
		dead.Attempt = onerefresh.Attempt{At: time.Now(), By: "dead", Count: 1}
		if err := w.store.CompareAndSwap(t.Context(), old, dead); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		w.mustHave(w.storm(tabs...)...)
		if waited := time.Since(began); waited < 10*time.Second || waited > 13*time.Second {
			t.Errorf("waited %v, want a little more than the exchange timeout", waited)
		}
	})
}

// Whatever a peer writes while others wait for its attempt, they need not wait
// until that would be over.
func TestWhoWaitsForAPeersAttemptHearsWhatBecameOfIt(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(w *world, s *onerefresh.Session)
		want    error
	}{
		"sign-out": {func(w *world, s *onerefresh.Session) {
			time.AfterFunc(w.latency/2, func() { s.SignOut(w.t.Context()) })
		}, onerefresh.ErrSignedOut},
		"the server ends the session": {func(w *world, s *onerefresh.Session) {
			w.expect(refusal(400, "invalid_grant"))
		}, onerefresh.ErrSessionEnded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				sending, waiting := w.openUnshared(), w.openUnshared()
				w.signIn(sending)
				c.happens(w, sending)
				begin := time.Now()
				w.mustFail(c.want, w.storm(sending, waiting)...)
				if took := time.Since(begin); took > 3*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func (w *world) openUnshared() *onerefresh.Session {
	return w.open(func(o *onerefresh.Options) { o.Locker = locks.Tab() })
}

// To be sure of a record that cannot be used takes a store a while. Tabs do
// not spend it one after the other, nor under the lock.
func TestRecordThatIsLostKeepsNobodyWaiting(t *testing.T) {
	for name, store := range map[string]func(onerefresh.Record) *slowStore{
		"it cannot be read":   func(onerefresh.Record) *slowStore { return &slowStore{} },
		"a newer one is gone": func(old onerefresh.Record) *slowStore { return &slowStore{peeked: &old} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.openSignedIn(1)
				old, err := w.store.Peek()
				if err != nil {
					t.Fatal(err)
				}
				tabs := make([]*onerefresh.Session, 20)
				for i := range tabs {
					tabs[i] = w.open(func(o *onerefresh.Options) { o.Store = store(old) })
				}
				begin := time.Now()
				results := w.storm(tabs...)
				if took := time.Since(begin); took > 10*time.Second {
					t.Errorf("took %v", took)
				}
				w.mustFail(onerefresh.ErrMisconfigured, results...)
				for _, r := range results {
					var bad *onerefresh.RecordError
					if !errors.As(r.err, &bad) || bad.Field != "generation" {
						t.Fatalf("got %v, want one that names the field", r.err)
					}
				}
				w.mustHaveSeen(t, 0)
			})
		})
	}
}

// slowStore is one whose record is of no use, and which takes its time to say
// so, as each tab's view of localStorage does.
type slowStore struct{ peeked *onerefresh.Record }

var errOfNoUse = &onerefresh.RecordError{Where: "store", Field: "generation", Problem: "lost"}

func (s *slowStore) Peek() (onerefresh.Record, error) {
	if s.peeked == nil {
		return onerefresh.Record{}, errOfNoUse
	}
	return *s.peeked, nil
}

func (s *slowStore) Load(ctx context.Context) (onerefresh.Record, error) {
	if err := sleep(ctx, 3*time.Second); err != nil {
		return onerefresh.Record{}, err
	}
	return onerefresh.Record{Generation: 7}, errOfNoUse
}

func (*slowStore) CompareAndSwap(context.Context, onerefresh.Record, onerefresh.Record) error {
	return onerefresh.ErrConflict
}

func (*slowStore) Watch(func()) (stop func()) { return func() {} }
