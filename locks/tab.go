package locks

import (
	"context"
	"slices"
	"sync"

	"github.com/onerefresh/onerefresh"
)

// A TabLocker is a [onerefresh.Locker] among those who are given the same
// TabLocker. Locks are granted in the order in which they were asked for, and
// never lost.
type TabLocker struct {
	shared bool

	mu     sync.Mutex
	queues map[string][]*waiter // of the names that are locked; guarded by mu
}

type waiter struct{ granted chan struct{} }

var _ onerefresh.Locker = (*TabLocker)(nil)

// Tab returns a locker for one tab, or program, of several that share a
// [onerefresh.Store]: it cannot keep the others out, and Shared reports false.
// Give it to all sessions of the tab.
func Tab() *TabLocker { return newTabLocker(false) }

// Process returns a locker for a [onerefresh.Store] that nobody uses without
// this locker, such as a store in memory: Shared reports true.
func Process() *TabLocker { return newTabLocker(true) }

func newTabLocker(shared bool) *TabLocker {
	return &TabLocker{shared: shared, queues: make(map[string][]*waiter)}
}

// Shared reports whether the locker was made by [Process].
func (l *TabLocker) Shared() bool { return l.shared }

// Lock implements [onerefresh.Locker]. It fails only if ctx ends.
func (l *TabLocker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if w := l.enqueue(name); w != nil {
		select {
		case <-w.granted:
		case <-ctx.Done():
			l.leave(name, w)
			return nil, nil, context.Cause(ctx)
		}
	}
	held, end := hold(ctx)
	return held, sync.OnceFunc(func() {
		end(nil)
		l.pass(name)
	}), nil
}

// enqueue takes the lock, or returns the waiter to whom it will be granted.
func (l *TabLocker) enqueue(name string) *waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue, locked := l.queues[name]
	if !locked {
		l.queues[name] = nil
		return nil
	}
	w := &waiter{make(chan struct{})}
	l.queues[name] = append(queue, w)
	return w
}

// pass gives the lock to whoever is next.
func (l *TabLocker) pass(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.queues[name]
	if len(queue) == 0 {
		delete(l.queues, name)
		return
	}
	l.queues[name] = queue[1:]
	close(queue[0].granted)
}

// leave takes w out of the queue. If the lock was granted in that moment, it
// is passed on.
func (l *TabLocker) leave(name string, w *waiter) {
	l.mu.Lock()
	i := slices.Index(l.queues[name], w)
	if i >= 0 {
		l.queues[name] = slices.Delete(l.queues[name], i, i+1)
	}
	l.mu.Unlock()
	if i < 0 {
		l.pass(name)
	}
}

// hold returns the context of a lock that is held. It has the values of ctx,
// but does not end with it.
func hold(ctx context.Context) (held context.Context, end context.CancelCauseFunc) {
	return context.WithCancelCause(context.WithoutCancel(ctx))
}
