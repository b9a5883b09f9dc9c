//go:build !(js && wasm)

package handoff

import (
	"fmt"
	"testing"
	"time"
)

// TestHandOff hands a record over between two tabs through package stores,
// under package locks.
func TestHandOff(t *testing.T) {
	b := start(t)
	count, few := 2000, 300
	if testing.Short() {
		count, few = 500, 100
	}
	for _, c := range []struct {
		name, store   string
		first, second string // addresses
		count         int
	}{
		{"two tabs", "stores", "", "", count},
		// Whatever a tab is refused, others must see its writes, and it theirs.
		{"one without IndexedDB", "stores", "", "?without=indexedDB", few},
		{"both without IndexedDB", "stores", "?without=indexedDB", "?without=indexedDB", few},
		{"one without locks.query", "stores", "", "?without=query", few},
		{"both without locks.query", "stores", "?without=query", "?without=query", few},
	} {
		t.Run(c.name, func(t *testing.T) {
			holds := handOff(b.with(t), c.store, c.count, c.first, c.second)
			t.Log(holds)
			if n := holds.Stale(); n > 0 {
				t.Errorf("%d of %d holders read an old record", n, len(holds))
			}
			if n := holds.HandedOver(); n < c.count {
				t.Errorf("only %d hand-offs from one tab to the other", n)
			}
		})
	}
}

// TestHandOffFailsPlain is the negative control: what package stores is for.
func TestHandOffFailsPlain(t *testing.T) {
	b := start(t)
	for _, c := range []struct {
		mechanism string
		atLeast   int
	}{
		// As it is published everywhere.
		{"plain", 101},
		// In the program that uses package stores, which is slower, so that
		// localStorage has more time to catch up.
		{"go plain", 1},
	} {
		t.Run(c.mechanism, func(t *testing.T) {
			holds := handOff(b.with(t), c.mechanism, 2000, "", "")
			t.Log(holds)
			if n := holds.Stale(); n < c.atLeast {
				t.Errorf("only %d of %d holders of the lock read an old record from plain localStorage, want at least %d: the other tests show nothing", n, len(holds), c.atLeast)
			}
		})
	}
}

// TestApart is the negative control of what tells processes apart: a tab that
// another one opened and can reach is in its process.
func TestApart(t *testing.T) {
	b := start(t)
	first, second := b.open(""), b.open("")
	b.apart(first, second)
	opened := b.opened(first)
	if first.engine() != opened.engine() {
		t.Error("a tab and its opener appear to be in two processes")
	}
}

// handOff opens two tabs that take turns to hold the lock, until there were
// count hand-offs and some, and closes them.
func handOff(b *browser, mechanism string, count int, addresses ...string) Holds {
	b.Helper()
	var tabs []*tab
	for _, address := range addresses {
		t := b.open(address)
		defer t.close()
		tabs = append(tabs, t)
	}
	b.apart(tabs...)
	reset := b.open("")
	eval[any](reset, "reset()")
	reset.close()
	each := count/2 + 50 // the first tab may begin before the other
	begin := time.Now().Add(300 * time.Millisecond)
	results := make(chan Holds, len(tabs))
	for i, t := range tabs {
		go func() {
			result, err := try[Holds](t, fmt.Sprintf("handOff(%q, %q, %d, %d)", mechanism, fmt.Sprint(i), each, begin.UnixMilli()))
			if err != nil {
				b.Errorf("tab %d: %v", i, err)
			}
			results <- result
		}()
	}
	var all Holds
	for range tabs {
		all = append(all, <-results...)
	}
	return all
}
