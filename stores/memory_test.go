package stores_test

import (
	"context"
	"errors"
	"testing"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/stores/storestest"
)

func TestMemory(t *testing.T) {
	store := stores.Memory()
	storestest.Run(t, func() onerefresh.Store { return store })
}

func TestMemoryStoresAreIndependent(t *testing.T) {
	a, b := stores.Memory(), stores.Memory()
	if err := a.CompareAndSwap(t.Context(), onerefresh.Record{}, onerefresh.Record{Generation: 1}); err != nil {
		t.Fatal(err)
	}
	if rec, err := b.Load(t.Context()); err != nil || rec.Generation != 0 {
		t.Errorf("another store has generation %d, error %v", rec.Generation, err)
	}
}

func TestMemoryHeedsContext(t *testing.T) {
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	s := stores.Memory()
	if err := s.CompareAndSwap(ctx, onerefresh.Record{}, onerefresh.Record{Generation: 1}); err != gone {
		t.Errorf("CompareAndSwap: error %v, want the cause of ctx", err)
	}
	if _, err := s.Load(ctx); err != gone {
		t.Errorf("Load: error %v, want the cause of ctx", err)
	}
	if rec, _ := s.Peek(); rec.Generation != 0 {
		t.Error("CompareAndSwap has swapped all the same")
	}
}
