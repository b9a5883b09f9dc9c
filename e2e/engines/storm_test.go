//go:build !(js && wasm)

package engines

import (
	"fmt"
	"slices"
	"testing"
)

// storms is what demo.runStorms of the control page returns.
type storms struct {
	Lost                int       `json:"lost"`
	Reuse               int       `json:"reuse"`
	Exchanges           []int     `json:"exchanges"`
	CallersWithoutToken int       `json:"callersWithoutToken"`
	LastTabMs           []float64 `json:"lastTabMs"`
	Coordination        string    `json:"coordination"`
}

func (p *page) storms(mode string, tabs, n int) storms {
	p.Helper()
	return eval[storms](p, fmt.Sprintf("demo.runStorms({mode: %q, tabs: %d, storms: %d})", mode, tabs, n))
}

// add joins two runs of the same kind.
func (r storms) add(more storms) storms {
	more.Lost += r.Lost
	more.Reuse += r.Reuse
	more.CallersWithoutToken += r.CallersWithoutToken
	more.Exchanges = append(r.Exchanges, more.Exchanges...)
	more.LastTabMs = append(r.LastTabMs, more.LastTabMs...)
	return more
}

func (r storms) String() string {
	n, exchanges := len(r.Exchanges), 0
	for _, e := range r.Exchanges {
		exchanges += e
	}
	return fmt.Sprintf("%d of %d storms lost, %.3f exchanges per expiry, the last tab after %.0f ms (median)",
		r.Lost, n, float64(exchanges)/float64(n), slices.Sorted(slices.Values(r.LastTabMs))[n/2])
}

// mustBeKept fails the test unless each storm made one exchange, and gave all
// callers a token.
func (r storms) mustBeKept(s *stage, coordination string) {
	s.Helper()
	if r.Lost > 0 || r.Reuse > 0 || r.CallersWithoutToken > 0 {
		s.Errorf("%d storms lost, reuse in %d, %d callers without a token", r.Lost, r.Reuse, r.CallersWithoutToken)
	}
	if slices.ContainsFunc(r.Exchanges, func(n int) bool { return n != 1 }) {
		s.Errorf("exchanges per expiry %v", r.Exchanges)
	}
	if r.Coordination != coordination {
		s.Errorf("coordination %q, want %q", r.Coordination, coordination)
	}
}

// The published pattern must lose some of the same storms, or they prove
// nothing.
func testStorm(s *stage) {
	tabs, n, most := []int{2, 5, 10}, 100, 500
	if testing.Short() {
		tabs, n, most = []int{5}, 20, 500
	}
	for _, tabs := range tabs {
		s.Run(fmt.Sprintf("%d tabs", tabs), func(t *testing.T) {
			s := s.with(t)
			control, _ := s.openTabs(tabs, "/tab")
			control.storms("onerefresh", tabs, 1) // until then no tab has the wasm
			var ours, theirs storms
			for len(ours.Exchanges) < n || theirs.Lost == 0 && len(theirs.Exchanges) < most {
				theirs = theirs.add(control.storms("published", tabs, 10))
				ours = ours.add(control.storms("onerefresh", tabs, 10))
			}
			s.Logf("published: %v", theirs)
			s.Logf("onerefresh: %v", ours)
			ours.mustBeKept(s, "web-locks")
			if theirs.Lost == 0 {
				s.Error("the published pattern lost nothing: the storms are too weak to show anything")
			}
		})
	}
}

// On an http origin other than localhost there is no navigator.locks. The
// recorded attempt keeps tabs apart there.
func testWithoutWebLocks(s *stage) {
	s.url = insecure(s.url)
	tabs, n := 5, 50
	if testing.Short() {
		tabs, n = 3, 10
	}
	control, _ := s.openTabs(tabs, "/tab")
	if eval[bool](control, "isSecureContext || 'locks' in navigator") {
		s.Fatal("there are Web Locks")
	}
	control.storms("onerefresh", tabs, 1)
	r := control.storms("onerefresh", tabs, n)
	s.Log(r)
	r.mustBeKept(s, "tab")
	if theirs := control.storms("flight", tabs, 5); theirs.Lost*2 <= len(theirs.Exchanges) {
		s.Errorf("tabs that know nothing of each other: %v; these are no storms", theirs)
	}
}
