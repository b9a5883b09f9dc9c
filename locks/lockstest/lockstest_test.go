package lockstest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
)

// TestChecksFail shows that each check can fail, and that all pass where there
// is nothing wrong.
func TestChecksFail(t *testing.T) {
	for _, c := range []struct {
		defect string
		new    func() onerefresh.Locker
		fails  []string
	}{
		{"none", func() onerefresh.Locker { return &locker{} }, nil},
		{"it excludes nobody", func() onerefresh.Locker { return &locker{open: true} },
			[]string{"one holder at a time", "a waiter can leave", "unlock is idempotent"}},
		{"it has one lock for all names", func() onerefresh.Locker { return &locker{one: true} },
			[]string{"names are independent"}},
		{"it does not look at the context before it locks", func() onerefresh.Locker { return &locker{eager: true} },
			[]string{"an ended context gets no lock"}},
		{"it does not look at the context while it waits", func() onerefresh.Locker { return &locker{deaf: true} },
			[]string{"a waiter can leave"}},
		{"it grants to a waiter that left", func() onerefresh.Locker { return &locker{leaky: true} },
			[]string{"a waiter can leave"}},
		{"it loses a grant that comes while the waiter leaves", func() onerefresh.Locker { return &locker{racy: true} },
			[]string{"a grant to a leaving waiter is passed on"}},
		{"the last comes first", func() onerefresh.Locker { return &locker{unfair: true} },
			[]string{"nobody starves"}},
		{"each unlock lets one in", func() onerefresh.Locker { return &locker{repeats: true} },
			[]string{"unlock is idempotent"}},
		{"held ends with the context", func() onerefresh.Locker { return &locker{tied: true} },
			[]string{"held lasts until unlock"}},
		{"held never ends", func() onerefresh.Locker { return &locker{endless: true} },
			[]string{"held lasts until unlock"}},
		{"unlock looks like a loss", func() onerefresh.Locker { return &locker{alarming: true} },
			[]string{"held lasts until unlock"}},
	} {
		t.Run(c.defect, func(t *testing.T) {
			t.Parallel()
			patience := 10 * time.Second
			if c.fails != nil {
				patience = 200 * time.Millisecond
			}
			for _, check := range checks {
				fails := slices.Contains(c.fails, check.name)
				if !fails && c.fails != nil {
					continue
				}
				l := c.new()
				err := check.run(&suite{func() onerefresh.Locker { return l }, check.name, patience})
				if fails != (err != nil) {
					t.Errorf("%s: %v", check.name, err)
				}
			}
		})
	}
}

// A locker is right but for what its fields say.
type locker struct {
	open, one, eager, deaf, leaky, racy, unfair, repeats, tied, endless, alarming bool

	mu     sync.Mutex
	queues map[string][]chan struct{}
}

func (l *locker) Shared() bool { return true }

func (l *locker) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	if ctx.Err() != nil && !l.eager {
		return nil, nil, context.Cause(ctx)
	}
	if l.one {
		name = ""
	}
	if granted := l.enqueue(name); granted != nil {
		done := ctx.Done()
		if l.deaf {
			done = nil
		}
		select {
		case <-granted:
		case <-done:
			l.leave(name, granted)
			return nil, nil, context.Cause(ctx)
		}
	}
	if !l.tied {
		ctx = context.WithoutCancel(ctx)
	}
	held, end := context.WithCancelCause(ctx)
	unlock := func() {
		switch {
		case l.endless:
		case l.alarming:
			end(onerefresh.ErrLockLost)
		default:
			end(nil)
		}
		l.pass(name)
	}
	if !l.repeats {
		unlock = sync.OnceFunc(unlock)
	}
	return held, unlock, nil
}

func (l *locker) enqueue(name string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queues == nil {
		l.queues = make(map[string][]chan struct{})
	}
	queue, locked := l.queues[name]
	if !locked || l.open {
		l.queues[name] = nil
		return nil
	}
	granted := make(chan struct{})
	if l.unfair {
		l.queues[name] = slices.Insert(queue, 0, granted)
	} else {
		l.queues[name] = append(queue, granted)
	}
	return granted
}

func (l *locker) pass(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.queues[name]
	if len(queue) == 0 {
		delete(l.queues, name)
		return
	}
	l.queues[name] = queue[1:]
	close(queue[0])
}

func (l *locker) leave(name string, granted chan struct{}) {
	if l.leaky {
		return
	}
	l.mu.Lock()
	i := slices.Index(l.queues[name], granted)
	if i >= 0 {
		l.queues[name] = slices.Delete(l.queues[name], i, i+1)
	}
	l.mu.Unlock()
	if i < 0 && !l.racy {
		l.pass(name)
	}
}
