//go:build !(js && wasm)

// Package filelock locks files among processes by the locks of the operating
// system, which ends them with the process: there are no stale locks.
package filelock

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Lock waits until the file at path is locked, or until ctx ends, in which
// case it returns [context.Cause] of ctx. Goroutines of one process exclude
// each other, too. The file is made if there is none, and is never removed:
// whoever waits for it would lock one that nobody else can find.
//
// unlock may be called more than once.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		lock := flock.New(path)
		if err := take(ctx, lock); err != nil {
			return nil, err
		}
		if current(lock, path) {
			return sync.OnceFunc(func() { lock.Unlock() }), nil
		}
		lock.Unlock()
	}
}

const longestDelay = 10 * time.Millisecond

// take tries again and again: a wait in the kernel could not be ended.
func take(ctx context.Context, lock *flock.Flock) error {
	for delay := time.Millisecond; ; delay = min(delay*3/2, longestDelay) {
		if ok, err := lock.TryLock(); ok || err != nil {
			return err
		}
		timer := time.NewTimer(delay/2 + rand.N(delay))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// current reports whether what is locked is what others find at path: somebody
// who cleans up may have removed the file.
func current(lock *flock.Flock, path string) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	found, err := os.Stat(path)
	return err == nil && os.SameFile(locked, found)
}
