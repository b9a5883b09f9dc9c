package onerefresh_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

func TestCallersOfOneTabRefreshOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tab := w.openSignedIn(1)[0]
		w.mustHave(w.storm(slices.Repeat([]*onerefresh.Session{tab}, 10_000)...)...)
		w.mustHaveSeen(t, 1)
	})
}

func TestTabsRefreshOncePerExpiry(t *testing.T) {
	for _, n := range []int{2, 5, 10, 20, 50} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				tabs := w.openSignedIn(n)
				for expiry := 1; expiry <= 24; expiry++ {
					w.mustHave(w.storm(tabs...)...)
					w.mustHaveSeen(t, expiry)
					time.Sleep(w.lifetime) // the bubble's clock: a tab that adopted must be as fit as the one that refreshed
				}
			})
		})
	}
}

func TestValidTokenCostsNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		w.mustHave(w.storm(tabs...)...)
		_, unlock, err := w.locker.Lock(t.Context(), "session")
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		w.mustHave(w.storm(tabs...)...)
		w.mustHaveSeen(t, 1)
	})
}

func TestWaitersLeaveTheQueueWhenThePeersTokenArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		_, unlock, err := w.locker.Lock(t.Context(), "session")
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan result)
		go func() {
			token, err := tabs[0].Token(t.Context())
			waiting <- result{token, err}
		}()
		synctest.Wait()
		apart := w.open(func(o *onerefresh.Options) { o.Locker = locks.Process() })
		w.mustHave(w.storm(apart)...)
		w.mustHave(<-waiting) // while the lock is still held
		unlock()
	})
}

func TestCallersCancelReachesNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		ctx, cancel := context.WithCancel(t.Context())
		impatient := make(chan error)
		go func() {
			_, err := tabs[0].Token(ctx)
			impatient <- err
		}()
		synctest.Wait()
		patient := make(chan []result)
		go func() { patient <- w.storm(tabs...) }()
		synctest.Wait()
		cancel()
		err := <-impatient
		if !errors.Is(err, onerefresh.ErrAborted) || !errors.Is(err, context.Canceled) {
			t.Errorf("the caller who cancelled got %v", err)
		}
		w.mustHave(<-patient...)
		w.mustHaveSeen(t, 1)
	})
}

func TestRejectedTokenIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(5)
		old := w.storm(tabs...)[0].token.AccessToken
		results := make([]result, len(tabs))
		var group sync.WaitGroup
		for i, tab := range tabs {
			group.Go(func() { results[i].token, results[i].err = tab.Refresh(t.Context(), old) })
		}
		group.Wait()
		w.mustHave(results...)
		// The peers have another token by now: a late refusal costs nothing.
		token, err := tabs[4].Refresh(t.Context(), old)
		w.mustHave(result{token, err})
		w.mustHaveSeen(t, 2)
	})
}

func TestServerThatGrantsTheSameAccessTokenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tab := w.openSignedIn(1)[0]
		same := w.storm(tab)[0].token
		w.expect(func(ctx context.Context, _ func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			sleep(ctx, w.latency)
			return onerefresh.Response{AccessToken: same.AccessToken, ExpiresIn: time.Hour}, nil
		})
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				token, err := tab.Refresh(t.Context(), same.AccessToken)
				if err != nil || token.AccessToken != same.AccessToken {
					t.Errorf("got %q, %v", token.AccessToken, err)
				}
			})
		}
		group.Wait()
		w.mustHaveSeen(t, 2)
	})
}

func TestMergeKeepsWhatTheAnswerOmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tab := w.open()
		err := tab.SignIn(t.Context(), onerefresh.Response{
			AccessToken: "a1", TokenType: "Bearer", RefreshToken: "r1", Scope: "openid", IDToken: "i1",
			Extra: map[string]string{"patient": `"p1"`, "tenant": `"t1"`},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.expect(func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
			return onerefresh.Response{AccessToken: "a2", ExpiresIn: time.Minute, Extra: map[string]string{"tenant": `"t2"`}}, nil
		})
		token, err := tab.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		want := onerefresh.Token{
			AccessToken: "a2", TokenType: "Bearer", RefreshToken: "r1", Scope: "openid", IDToken: "i1",
			Extra:    map[string]string{"patient": `"p1"`, "tenant": `"t2"`},
			Received: now, Expiry: now.Add(time.Minute),
		}
		if !reflect.DeepEqual(token, want) {
			t.Errorf("got %+v", []any{token.AccessToken, token.TokenType, token.RefreshToken, token.Scope, token.IDToken, token.Extra, token.Received, token.Expiry})
		}
	})
}

func TestSignOutWinsOverAnExchangeInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(3)
		asking := make(chan []result)
		go func() { asking <- w.storm(tabs[0], tabs[1]) }()
		synctest.Wait()
		if err := tabs[2].SignOut(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.mustFail(onerefresh.ErrSignedOut, <-asking...)
		w.mustFail(onerefresh.ErrSignedOut, w.storm(tabs...)...)
		w.mustHaveSeen(t, 1)
		if got, want := w.revocations(), []string{"refresh-secret-1", "refresh-secret-2"}; !slices.Equal(got, want) {
			t.Errorf("revoked %q, want %q", got, want)
		}
	})
}

func TestSignInWinsOverAnExchangeInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		asking := make(chan []result)
		go func() { asking <- w.storm(tabs[0]) }()
		synctest.Wait()
		err := tabs[1].SignIn(t.Context(), onerefresh.Response{AccessToken: "another user's", RefreshToken: "another", ExpiresIn: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range append(<-asking, w.storm(tabs...)...) {
			if r.token.AccessToken != "another user's" || r.err != nil {
				t.Errorf("got %q, %v", r.token.AccessToken, r.err)
			}
		}
		if got, want := w.revocations(), []string{"refresh-secret-2"}; !slices.Equal(got, want) {
			t.Errorf("revoked %q, want %q", got, want)
		}
	})
}

// overtake has other code write a record while an exchange of the tab is under
// way, and returns where its result will be.
func (w *world) overtake(t *testing.T, tab *onerefresh.Session, by onerefresh.Record) <-chan []result {
	t.Helper()
	asking := make(chan []result)
	go func() { asking <- w.storm(tab) }()
	synctest.Wait()
	old, err := w.store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	by.Generation = old.Generation + 1
	if err := w.store.CompareAndSwap(t.Context(), old, by); err != nil {
		t.Fatal(err)
	}
	return asking
}

// What another client wrote may be a sign-in, or its own refresh of the same one,
// which to revoke the late answer would end.
func TestWriteOfAnotherClientWinsOverAnExchangeInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		asking := w.overtake(t, tabs[0], onerefresh.Record{Epoch: 77, Token: onerefresh.Token{
			AccessToken: "theirs", RefreshToken: "another", Expiry: time.Now().Add(time.Hour),
		}})
		for _, r := range append(<-asking, w.storm(tabs...)...) {
			if r.token.AccessToken != "theirs" || r.err != nil {
				t.Errorf("got %q, %v", r.token.AccessToken, r.err)
			}
		}
		if got := w.revocations(); len(got) > 0 {
			t.Errorf("revoked %q", got)
		}
	})
}

// A tab whose copy shows what was there before the removal must hear of it.
func TestRemovalByOtherCodeDuringAnExchangeIsPutOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		asking := w.overtake(t, tabs[0], onerefresh.Record{})
		w.mustFail(onerefresh.ErrSignedOut, <-asking...)
		w.mustFail(onerefresh.ErrSignedOut, w.storm(tabs...)...)
		w.mustHaveSeen(t, 1)
		if got, want := w.revocations(), []string{"refresh-secret-2"}; !slices.Equal(got, want) {
			t.Errorf("revoked %q, want %q", got, want)
		}
		rec, err := w.store.Load(t.Context())
		if err != nil || rec.Writer == "" {
			t.Errorf("there is %+v, %v; want a record that says so", rec, err)
		}
	})
}

func TestSignOutTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tab := w.openSignedIn(1)[0]
		for range 2 {
			if err := tab.SignOut(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if got := w.revocations(); len(got) != 1 {
			t.Errorf("revoked %q", got)
		}
	})
}

func TestCloseKeepsTheAnswerOfAnExchangeInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		asking := make(chan []result)
		go func() { asking <- w.storm(tabs[0]) }()
		synctest.Wait()
		tabs[0].Close()
		tabs[0].Close()
		w.mustFail(onerefresh.ErrClosed, <-asking...)
		w.mustFail(onerefresh.ErrClosed, w.storm(tabs[0])...)
		w.mustHave(w.storm(tabs[1])...)
		w.mustHaveSeen(t, 1)
	})
}

func TestCloseLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tab := w.openSignedIn(1)[0]
		_, unlock, err := w.locker.Lock(t.Context(), "session")
		if err != nil {
			t.Fatal(err)
		}
		asking := make(chan []result)
		go func() { asking <- w.storm(tab) }()
		synctest.Wait()
		tab.Close()
		w.mustFail(onerefresh.ErrClosed, <-asking...)
		unlock()
		synctest.Wait()
		w.mustHaveSeen(t, 0)
	})
}

func TestLockTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.lifetime = time.Minute
		tab := w.openSignedIn(1)[0]
		w.mustHave(w.storm(tab)...)
		_, unlock, err := w.locker.Lock(t.Context(), "session")
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		time.Sleep(50 * time.Second) // within the margin of a quarter, for a token that lives a minute
		tight := w.open(func(o *onerefresh.Options) { o.LockTimeout = time.Second })
		w.mustHave(w.storm(tight)...) // it has not expired yet
		began := time.Now()
		w.mustFail(onerefresh.ErrLockTimeout, w.storm(tab)...)
		if waited := time.Since(began); waited != 30*time.Second {
			t.Errorf("waited %v", waited)
		}
		w.mustHaveSeen(t, 1)
	})
}

// A page that was frozen while it waited was not kept waiting.
func TestLockTimeoutDoesNotCountWhileFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var slept atomic.Int64
		tab := w.open(func(o *onerefresh.Options) {
			o.Clock = clockFunc(func() time.Time { return time.Now().Add(time.Duration(slept.Load())) })
		})
		w.signIn(tab)
		_, unlock, err := w.locker.Lock(t.Context(), "session")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(20*time.Second, func() { slept.Store(int64(time.Minute)) })
		time.AfterFunc(31*time.Second, unlock)
		w.mustHave(w.storm(tab)...)
		w.mustHaveSeen(t, 1)
	})
}

func TestEventsTellEveryTab(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		w.storm(tabs...)
		w.expect(refusal(503, ""))
		tabs[1].Refresh(t.Context(), "")
		tabs[0].SignOut(t.Context())
		synctest.Wait()
		want := []onerefresh.EventKind{"signedin", "signedin", "refreshed", "adopted", "refresherror", "signedout", "signedout"}
		got := w.kinds()
		slices.Sort(want[2:4])
		slices.Sort(got[min(2, len(got)):min(4, len(got))])
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestNoEventUnderTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var taken []string
		tab := w.open(func(o *onerefresh.Options) {
			o.OnEvent = func(e onerefresh.Event) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, unlock, err := w.locker.Lock(ctx, "session"); err != nil {
					t.Errorf("%s: the lock is held: %v", e.Kind, err)
				} else {
					unlock()
					taken = append(taken, string(e.Kind))
				}
			}
		})
		w.signIn(tab)
		w.mustHave(w.storm(tab)...)
		w.expect(refusal(429, "slow_down"))
		tab.Refresh(t.Context(), "access-secret-2")
		if want := []string{"signedin", "refreshed", "refresherror"}; !slices.Equal(taken, want) {
			t.Errorf("got %q, want %q", taken, want)
		}
	})
}

func TestNoTokenInAnyText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tabs := w.openSignedIn(2)
		var texts []string
		results := w.storm(tabs...)
		w.expect(
			func(context.Context, func() (onerefresh.Response, error)) (onerefresh.Response, error) {
				return onerefresh.Response{}, &onerefresh.RefreshError{Status: 503, Description: "upstream refused refresh-secret-2"}
			},
		)
		_, err := tabs[0].Refresh(t.Context(), "access-secret-2")
		results = append(results, result{err: err})
		time.Sleep(time.Minute)
		w.grant() // revokes the family, as if by reuse
		_, err = tabs[0].Refresh(t.Context(), "access-secret-2")
		results = append(results, result{err: err})
		synctest.Wait()
		if !errors.Is(err, onerefresh.ErrSessionEnded) {
			t.Fatalf("got %v", err)
		}
		record, _ := w.store.Peek()
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			for _, r := range results {
				texts = append(texts, fmt.Sprintf(verb, r.token), fmt.Sprintf(verb, &r.token), fmt.Sprint(r.err))
			}
			texts = append(texts, fmt.Sprintf(verb, w.grant()), fmt.Sprintf(verb, record.Ended))
		}
		for _, e := range w.events {
			texts = append(texts, fmt.Sprint(e.Kind, e.Err))
		}
		for _, text := range texts {
			if strings.Contains(text, "secret") {
				t.Errorf("a text has token material: %s", text)
			}
		}
	})
}

func TestOptions(t *testing.T) {
	synctest.Test(t, testOptions)
}

func testOptions(t *testing.T) {
	for name, change := range map[string]func(*onerefresh.Options){
		"Name":            func(o *onerefresh.Options) { o.Name = "" },
		"Store":           func(o *onerefresh.Options) { o.Store = nil },
		"Locker":          func(o *onerefresh.Options) { o.Locker = nil },
		"Refresher":       func(o *onerefresh.Options) { o.Refresher = nil },
		"Provider":        func(o *onerefresh.Options) { o.Provider = "acme" },
		"ExchangeTimeout": func(o *onerefresh.Options) { o.ExchangeTimeout = -1 },
		"LockTimeout":     func(o *onerefresh.Options) { o.LockTimeout = -1 },
	} {
		w := newWorld(t)
		o := onerefresh.Options{Name: "session", Store: w.store, Locker: w.locker, Refresher: w}
		change(&o)
		_, err := onerefresh.Open(o)
		if !errors.Is(err, onerefresh.ErrInvalidOptions) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSignInRefusesABrokenResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tab := w.openSignedIn(1)[0]
		for field, response := range map[string]onerefresh.Response{
			"access_token": {RefreshToken: "r", ExpiresIn: time.Hour},
			"expires_in":   {AccessToken: "a", RefreshToken: "r", ExpiresIn: -time.Second},
		} {
			err := tab.SignIn(t.Context(), response)
			var bad *onerefresh.FieldError
			if !errors.Is(err, onerefresh.ErrInvalidOptions) || !errors.As(err, &bad) || bad.Field != field {
				t.Errorf("%s: got %v", field, err)
			}
		}
		w.mustHave(w.storm(tab)...) // what was stored is still there
	})
}

// A copy of the record may for a moment show less than there is: nobody is told
// that they are signed out on its word.
func TestSignedOutIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.signIn(w.open())
		tab := w.open(func(o *onerefresh.Options) { o.Store = laggingStore{w.store} })
		w.mustHave(w.storm(tab)...)
		w.mustHaveSeen(t, 1)
	})
}

// laggingStore shows nothing until it is asked for what is stored.
type laggingStore struct{ *stores.MemoryStore }

func (laggingStore) Peek() (onerefresh.Record, error) { return onerefresh.Record{}, nil }

// A tab tells of what it finds when it writes, too: it may be that nothing told
// it before, as a store's hints may be late.
func TestSignOutOfASessionThatWasNotHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		silent := w.open(func(o *onerefresh.Options) { o.Store = silentStore{o.Store} })
		w.signIn(w.open(func(o *onerefresh.Options) { o.OnEvent = nil }))
		if err := silent.SignOut(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := w.kinds(), []onerefresh.EventKind{onerefresh.EventSignedIn, onerefresh.EventSignedOut}; !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

type silentStore struct{ onerefresh.Store }

func (silentStore) Watch(func()) (stop func()) { return func() {} }

// A store that cannot be asked does not confirm that nobody is signed in.
func TestSignedOutIsNotConfirmedByAStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tab := w.open(func(o *onerefresh.Options) { o.Store = unreachableStore{o.Store} })
		w.mustFail(onerefresh.ErrTemporarilyUnavailable, w.storm(tab)...)
	})
}

// unreachableStore shows what it saw before it was cut off.
type unreachableStore struct{ onerefresh.Store }

func (unreachableStore) Load(context.Context) (onerefresh.Record, error) {
	return onerefresh.Record{}, errors.New("no route to host")
}
