package stores

import (
	"context"
	"maps"
	"sync"

	"github.com/onerefresh/onerefresh"
)

// A MemoryStore is a [onerefresh.Store] in the memory of one process. Any
// number of sessions can share it.
type MemoryStore struct {
	watchers watchers

	mu  sync.Mutex
	rec onerefresh.Record // guarded by mu
}

var _ onerefresh.Store = (*MemoryStore)(nil)

// Memory returns an empty store.
func Memory() *MemoryStore { return &MemoryStore{} }

// Peek implements [onerefresh.Store]. It never fails, and what it returns is
// never old.
func (s *MemoryStore) Peek() (onerefresh.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clone(s.rec), nil
}

// Load implements [onerefresh.Store]. It fails only if ctx has ended.
func (s *MemoryStore) Load(ctx context.Context) (onerefresh.Record, error) {
	if ctx.Err() != nil {
		return onerefresh.Record{}, context.Cause(ctx)
	}
	return s.Peek()
}

// CompareAndSwap implements [onerefresh.Store]. It fails only if ctx has ended
// and with [onerefresh.ErrConflict].
func (s *MemoryStore) CompareAndSwap(ctx context.Context, old, new onerefresh.Record) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !s.swap(old, new) {
		return onerefresh.ErrConflict
	}
	s.watchers.notify()
	return nil
}

func (s *MemoryStore) swap(old, new onerefresh.Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rec.Generation != old.Generation {
		return false
	}
	s.rec = clone(new)
	return true
}

// Watch implements [onerefresh.Store]. changed is called after every swap, by
// whoever made it.
func (s *MemoryStore) Watch(changed func()) (stop func()) { return s.watchers.add(changed) }

// clone returns rec with maps of its own.
func clone(rec onerefresh.Record) onerefresh.Record { return *copyOf(&rec) }

func copyOf(rec *onerefresh.Record) *onerefresh.Record {
	rec = new(*rec)
	rec.Token.Extra = maps.Clone(rec.Token.Extra)
	return rec
}
