// Package lockstest tests implementations of [onerefresh.Locker].
package lockstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
)

// Run tests the lockers that newPeer returns, which must exclude each other;
// it may return the same one again. The tests run one after the other, each
// with lock names of its own, and cannot take a lock away: that a lost lock
// ends held with [onerefresh.ErrLockLost] is for the adapter to test.
func Run(t *testing.T, newPeer func() onerefresh.Locker) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(&suite{newPeer, "lockstest " + c.name, 10 * time.Second}); err != nil {
				t.Error(err)
			}
		})
	}
}

var checks = []struct {
	name string
	run  func(*suite) error
}{
	{"one holder at a time", (*suite).oneHolder},
	{"names are independent", (*suite).namesAreIndependent},
	{"an ended context gets no lock", (*suite).endedContext},
	{"a waiter can leave", (*suite).waiterLeaves},
	{"a grant to a leaving waiter is passed on", (*suite).grantRacesWithEnd},
	{"nobody starves", (*suite).nobodyStarves},
	{"unlock is idempotent", (*suite).unlockTwice},
	{"held lasts until unlock", (*suite).heldLasts},
}

type suite struct {
	newPeer func() onerefresh.Locker
	name    string

	// patience is how long to wait for what must happen.
	patience time.Duration
}

// An attempt is a call of Lock that may still be waiting.
type attempt struct {
	// Written before returned is closed, and read only after.
	held   context.Context
	unlock func()
	err    error

	returned chan struct{}
}

func (s *suite) attempt(ctx context.Context, name string) *attempt {
	a := &attempt{returned: make(chan struct{})}
	locker := s.newPeer()
	go func() {
		defer close(a.returned)
		a.held, a.unlock, a.err = locker.Lock(ctx, name)
	}()
	return a
}

// await waits until Lock has returned.
func (s *suite) await(a *attempt) error {
	select {
	case <-a.returned:
		return a.err
	case <-time.After(s.patience):
		return fmt.Errorf("no return from Lock for %v", s.patience)
	}
}

// lock returns when the lock is held.
func (s *suite) lock(name string) (*attempt, error) {
	a := s.attempt(context.Background(), name)
	if err := s.await(a); err != nil {
		return nil, fmt.Errorf("lock %.40q: %w", name, err)
	}
	return a, nil
}

// free returns an error if the lock cannot be had.
func (s *suite) free(name string) error {
	a, err := s.lock(name)
	if err != nil {
		return fmt.Errorf("the lock is not free: %w", err)
	}
	a.unlock()
	return nil
}

// linger gives others the time to do what they must not do, or may do in any
// order. It orders nothing.
func linger() { time.Sleep(2 * time.Millisecond) }

// lingerLong is linger for what a locker that polls would do, or one that hears
// over a network.
func lingerLong() { time.Sleep(50 * time.Millisecond) }

func (s *suite) oneHolder() error {
	const peers, goroutines, rounds = 4, 4, 10
	var (
		holders, counter atomic.Int64
		wg               sync.WaitGroup
		failure          = make(chan error, peers*goroutines)
	)
	for range peers {
		locker := s.newPeer()
		for range goroutines {
			wg.Go(func() {
				for range rounds {
					ctx, cancel := context.WithTimeout(context.Background(), peers*s.patience)
					_, unlock, err := locker.Lock(ctx, s.name)
					cancel()
					if err != nil {
						failure <- err
						return
					}
					n := holders.Add(1)
					c := counter.Load()
					linger()
					counter.Store(c + 1)
					holders.Add(-1)
					unlock()
					if n != 1 {
						failure <- fmt.Errorf("%d hold the lock", n)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	select {
	case err := <-failure:
		return err
	default:
	}
	if got, want := counter.Load(), int64(peers*goroutines*rounds); got != want {
		return fmt.Errorf("a counter under the lock is at %d, want %d", got, want)
	}
	return nil
}

func (s *suite) namesAreIndependent() error {
	for _, suffix := range []string{"", " ", "\x00", "é", "e\u0301", "😀"} {
		a, err := s.lock(s.name + suffix)
		if err != nil {
			return err
		}
		defer a.unlock()
	}
	for _, name := range []string{"", "-", "-" + s.name} {
		a, err := s.lock(name)
		if err != nil {
			return err
		}
		defer a.unlock()
	}
	return nil
}

var errGone = errors.New("lockstest: gone")

func (s *suite) endedContext() error {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errGone)
	for _, state := range []string{"free", "held"} {
		a := s.attempt(ctx, s.name)
		if err := s.await(a); err != errGone {
			return fmt.Errorf("a lock that is %s: error %v, want the cause of ctx", state, err)
		}
		if state == "free" {
			holder, err := s.lock(s.name)
			if err != nil {
				return err
			}
			defer holder.unlock()
		}
	}
	return nil
}

func (s *suite) waiterLeaves() error {
	holder, err := s.lock(s.name)
	if err != nil {
		return err
	}
	defer holder.unlock()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	leaves, stays := s.attempt(ctx, s.name), s.attempt(context.Background(), s.name)
	linger()
	cancel(errGone)
	if err := s.await(leaves); err != errGone {
		return fmt.Errorf("error %v, want the cause of ctx", err)
	}
	lingerLong()
	select {
	case <-stays.returned:
		return errors.New("the end of one waiter let another in")
	default:
	}
	holder.unlock()
	if err := s.await(stays); err != nil {
		return err
	}
	stays.unlock()
	return s.free(s.name)
}

func (s *suite) grantRacesWithEnd() error {
	for i := range 60 {
		if err := s.grantRace(i); err != nil {
			return err
		}
	}
	return s.free(s.name)
}

func (s *suite) grantRace(i int) error {
	holder, err := s.lock(s.name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	leaves := s.attempt(ctx, s.name)
	linger() // so that it is the first in the queue
	stays := s.attempt(context.Background(), s.name)
	linger()
	switch i % 4 {
	case 0:
		holder.unlock()
		cancel(errGone)
	case 1:
		cancel(errGone)
		holder.unlock()
	case 2:
		go cancel(errGone)
		holder.unlock()
	case 3:
		go holder.unlock()
		cancel(errGone)
	}
	switch err := s.await(leaves); err {
	case nil:
		leaves.unlock()
	case errGone:
	default:
		return err
	}
	if err := s.await(stays); err != nil {
		return fmt.Errorf("after the lock was granted to a waiter that left: %w", err)
	}
	stays.unlock()
	return nil
}

func (s *suite) nobodyStarves() error {
	greedy, err := s.lock(s.name)
	if err != nil {
		return err
	}
	waiter := s.attempt(context.Background(), s.name)
	linger()
	for range 100 {
		next := s.attempt(context.Background(), s.name)
		linger()
		greedy.unlock()
		select {
		case <-waiter.returned:
		case <-next.returned:
		case <-time.After(s.patience):
			return errors.New("the lock was released, and nobody gets it")
		}
		select {
		case <-waiter.returned:
			if waiter.err != nil {
				return waiter.err
			}
			waiter.unlock()
			if err := s.await(next); err != nil {
				return err
			}
			next.unlock()
			return nil
		case <-next.returned:
			if next.err != nil {
				return next.err
			}
			greedy = next
		}
	}
	greedy.unlock()
	return errors.New("100 others got the lock before the one who waited for it first")
}

func (s *suite) unlockTwice() error {
	first, err := s.lock(s.name)
	if err != nil {
		return err
	}
	first.unlock()
	first.unlock()
	second, err := s.lock(s.name)
	if err != nil {
		return err
	}
	third := s.attempt(context.Background(), s.name)
	linger()
	first.unlock()
	lingerLong()
	select {
	case <-third.returned:
		return errors.New("a second unlock let somebody in while another held the lock")
	default:
	}
	if second.held.Err() != nil {
		return errors.New("a second unlock ended another's hold")
	}
	second.unlock()
	if err := s.await(third); err != nil {
		return err
	}
	third.unlock()
	return s.free(s.name)
}

func (s *suite) heldLasts() error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	a := s.attempt(ctx, s.name)
	if err := s.await(a); err != nil {
		return err
	}
	cancel(errGone)
	linger()
	if a.held.Err() != nil {
		return errors.New("held has ended with the context of Lock")
	}
	a.unlock()
	select {
	case <-a.held.Done():
	case <-time.After(s.patience):
		return errors.New("held does not end with unlock")
	}
	linger()
	if context.Cause(a.held) == onerefresh.ErrLockLost {
		return errors.New("held ends with ErrLockLost by unlock")
	}
	return s.free(s.name)
}
