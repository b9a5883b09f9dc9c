//go:build !(js && wasm)

package handoff

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestHandOff hands a record over between two tabs through package stores,
// under package locks.
func TestHandOff(t *testing.T) {
	b := start(t)
	const count = 2000
	for _, c := range []struct {
		name, store   string
		first, second string // addresses
		count         int
	}{
		{"two tabs", "stores", "", "", count},
		// Whatever a tab is refused, others must see its writes, and it theirs.
		{"one without IndexedDB", "stores", "", "?without=indexedDB", 300},
		{"both without IndexedDB", "stores", "?without=indexedDB", "?without=indexedDB", 300},
		{"one without locks.query", "stores", "", "?without=query", 300},
		{"both without locks.query", "stores", "?without=query", "?without=query", 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			holds := handOff(b.with(t), c.store, c.count, c.first, c.second)
			t.Log(holds)
			if n := holds.stale(); n > 0 {
				t.Errorf("%d of %d holders read an old record", n, len(holds))
			}
			if n := holds.handedOver(); n < c.count {
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
			if n := holds.stale(); n < c.atLeast {
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
func handOff(b *browser, mechanism string, count int, addresses ...string) holds {
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
	results := make(chan holds, len(tabs))
	for i, t := range tabs {
		go func() {
			result, err := try[holds](t, fmt.Sprintf("handOff(%q, %q, %d, %d)", mechanism, fmt.Sprint(i), each, begin.UnixMilli()))
			if err != nil {
				b.Errorf("tab %d: %v", i, err)
			}
			results <- result
		}()
	}
	var all holds
	for range tabs {
		all = append(all, <-results...)
	}
	return all
}

// holds are what was read and written by all who held the lock.
type holds []struct {
	Read   string  `json:"read"` // tab#number
	Wrote  string  `json:"wrote"`
	Held   float64 `json:"held"`   // ms
	Waited float64 `json:"waited"` // ms of it, for localStorage to catch up
}

// stale returns how many read what somebody had read before them. Each record
// is there to be read once, as a refresh token to be spent.
func (h holds) stale() int {
	read := make(map[string]bool)
	for _, hold := range h {
		read[hold.Read] = true
	}
	return len(h) - len(read)
}

// handedOver returns how many read what the other tab had written.
func (h holds) handedOver() (n int) {
	for _, hold := range h {
		if tab, _, ok := strings.Cut(hold.Read, "#"); ok && !strings.HasPrefix(hold.Wrote, tab+"#") {
			n++
		}
	}
	return n
}

// held returns a quantile of the time that it took to read and write, in ms.
func (h holds) held(quantile float64) float64 {
	var all []float64
	for _, hold := range h {
		all = append(all, hold.Held)
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[min(int(float64(len(all))*quantile), len(all)-1)]
}

func (h holds) String() string {
	return fmt.Sprintf("%d holds, %d hand-offs, %d stale; %.2f ms (median), %.2f ms (99 %%) each", len(h), h.handedOver(), h.stale(), h.held(.5), h.held(.99))
}
