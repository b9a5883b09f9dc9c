package locks_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/locks/lockstest"
)

func TestTab(t *testing.T) {
	l := locks.Tab()
	lockstest.Run(t, func() onerefresh.Locker { return l })
}

func TestTabLockersAreIndependent(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 2 {
		if _, _, err := locks.Tab().Lock(ctx, "a"); err != nil {
			t.Error(err)
		}
	}
}

func TestShared(t *testing.T) {
	if locks.Tab().Shared() {
		t.Error("Tab says that it keeps other tabs out")
	}
	if !locks.Process().Shared() {
		t.Error("Process says that it may not keep everyone out")
	}
}

// TestUnlockHappensBeforeLock gives the race detector something to find.
func TestUnlockHappensBeforeLock(t *testing.T) {
	l := locks.Process()
	n, done := 0, make(chan struct{})
	for range 2 {
		go func() {
			for range 1000 {
				_, unlock, err := l.Lock(context.Background(), "a")
				if err != nil {
					t.Error(err)
					break
				}
				n++
				unlock()
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	if n != 2000 {
		t.Errorf("counted to %d, want 2000", n)
	}
}

func TestTabLockerGrantsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := locks.Process()
		_, unlock, err := l.Lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		const waiters = 10
		order := make(chan int, waiters)
		for i := range waiters {
			go func() {
				_, unlock, err := l.Lock(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				order <- i
				unlock()
			}()
			synctest.Wait() // it is in the queue
		}
		unlock()
		for want := range waiters {
			if got := <-order; got != want {
				t.Fatalf("waiter %d is served as number %d", got, want)
			}
		}
	})
}

func TestHeldHasTheValuesOfTheContext(t *testing.T) {
	type key struct{}
	held, unlock, err := locks.Process().Lock(context.WithValue(t.Context(), key{}, "v"), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if held.Value(key{}) != "v" {
		t.Error("held has lost the values of the context")
	}
}
