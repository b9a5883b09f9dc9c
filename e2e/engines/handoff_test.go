//go:build !(js && wasm)

package engines

import (
	"fmt"
	"testing"

	"github.com/onerefresh/onerefresh/e2e/handoff"
)

// testHandOff hands a record over between two tabs through package stores,
// under package locks.
func testHandOff(s *stage) {
	pages, err := handoff.Pages(s.TempDir())
	if err != nil {
		s.Fatal(err)
	}
	url := serve(s.T, pages) + "/"
	count := 1000
	if testing.Short() {
		count = 100
	}
	// As it is published everywhere: the negative control, that is done when it
	// has read something old.
	s.Run("plain", func(t *testing.T) {
		s := s.with(t)
		stale := 0
		for try := 0; stale == 0 && try < 5; try++ {
			holds := s.handOff("plain", 1000, url, "", "")
			s.Log(holds)
			stale = holds.Stale()
		}
		if stale == 0 {
			s.Error("nobody read an old record from plain localStorage: the other tests show nothing")
		}
	})
	for _, c := range []struct{ name, first, second string }{
		{"two tabs", "", ""},
		// Whatever a tab is refused, others must see its writes, and it theirs.
		{"one without IndexedDB", "", "?without=indexedDB"},
		{"both without IndexedDB", "?without=indexedDB", "?without=indexedDB"},
	} {
		s.Run(c.name, func(t *testing.T) {
			s := s.with(t)
			holds := s.handOff("stores", count, url, c.first, c.second)
			s.Log(holds)
			if n := holds.Stale(); n > 0 {
				s.Errorf("%d of %d holders read an old record", n, len(holds))
			}
			if n := holds.HandedOver(); n < count {
				s.Errorf("only %d hand-offs from one tab to the other", n)
			}
		})
	}
}

// handOff opens two tabs that take turns to hold the lock, until there were
// count hand-offs and some.
func (s *stage) handOff(mechanism string, count int, url, first, second string) (holds handoff.Holds) {
	s.Helper()
	starter, tabs := s.open(url), []*page{s.open(url + first), s.open(url + second)}
	for _, p := range append(tabs, starter) {
		p.wait("ready")
	}
	if !s.apart(9, starter, tabs...) {
		s.Fatal("the tabs share a process")
	}
	eval[any](starter, fmt.Sprintf("reset().then(() => hold(%q, 'starter#0'))", mechanism))
	each := count/2 + 50 // the first may begin before the other
	for i, tab := range tabs {
		// By a message, for timers in the background are slow.
		eval[any](tab, fmt.Sprintf(`void (globalThis.holds = new Promise(go => {
			new BroadcastChannel("go").onmessage = go;
		}).then(() => handOff(%q, %q, %d, 0)))`, mechanism, fmt.Sprint(i), each))
	}
	eval[any](starter, `void new BroadcastChannel("go").postMessage("")`)
	for _, tab := range tabs {
		holds = append(holds, eval[handoff.Holds](tab, "holds")...)
	}
	return holds
}
