//go:build !(js && wasm)

package handoff

import (
	"fmt"
	"slices"
	"strings"
)

// Holds are what was read and written by all who held the lock.
type Holds []struct {
	Read   string  `json:"read"` // tab#number
	Wrote  string  `json:"wrote"`
	Held   float64 `json:"held"`   // ms
	Waited float64 `json:"waited"` // ms of it, for localStorage to catch up
}

// Stale returns how many read what somebody had read before them. Each record
// is there to be read once, as a refresh token to be spent.
func (h Holds) Stale() int {
	read := make(map[string]bool)
	for _, hold := range h {
		read[hold.Read] = true
	}
	return len(h) - len(read)
}

// HandedOver returns how many read what the other tab had written.
func (h Holds) HandedOver() (n int) {
	for _, hold := range h {
		if tab, _, ok := strings.Cut(hold.Read, "#"); ok && !strings.HasPrefix(hold.Wrote, tab+"#") {
			n++
		}
	}
	return n
}

// held returns a quantile of the time that it took to read and write, in ms.
func (h Holds) held(quantile float64) float64 {
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

func (h Holds) String() string {
	return fmt.Sprintf("%d holds, %d hand-offs, %d stale; %.2f ms (median), %.2f ms (99 %%) each", len(h), h.HandedOver(), h.Stale(), h.held(.5), h.held(.99))
}
