//go:build !(js && wasm)

package explore

import "slices"

// touched is a set of the parts of a world that a step reads or changes.
//
// Two steps of different tabs that touch nothing in common commute: either
// order leads to the same world, and neither enables or disables the other. So
// of the schedules that differ in the order of such neighbours alone, one is
// enough. Sleep sets (Godefroid, Partial-Order Methods for the Verification of
// Concurrent Systems, chapter 5) visit at least one of each such class:
// when all schedules that begin with step a have been visited, a is put to
// sleep for those that begin with its sibling b instead, until a step that
// does not commute with a has been taken.
//
// A fault commutes with nothing, so none is ever left out.
type touched uint64

const (
	theLocks touched = 1 << iota
	theStore
	theServer
	firstTab // and the other tabs from here on

	everything touched = 1<<64 - 1
)

// own is what belongs to the tab alone: its goroutines, what Peek shows it,
// and its timers. Time passes only when there is no step to take, so that no
// step can be too late for a timer because of another.
func (t *tab) own() touched { return firstTab << (t.number - 1) }

// touches says what becomes different with the step of o: for the store, for
// the server, and for the locks, as a tab that has loaded or swapped may then
// release its own. What a swap adds to the end of the news of others, they
// notice later than what they have.
func (o *op) touches() touched {
	switch o.kind {
	case opLock:
		return o.tab.own() | theLocks
	case opLoad, opSwap:
		return o.tab.own() | theLocks | theStore
	default:
		return o.tab.own() | theServer
	}
}

// touchedByNotice: a tab in the queue for a lock may leave it.
func (w *world) touchedByNotice(t *tab) touched {
	if slices.ContainsFunc(w.queue, func(o *op) bool { return o.tab == t }) {
		return t.own() | theLocks
	}
	return t.own()
}

func (s step) commutes(with step) bool {
	return !s.fault && !with.fault && s.touches&with.touches == 0
}

// A node is a point of a schedule where there was a choice.
type node struct {
	steps  []step
	asleep []step // visited already in another order
	picked int
}

// A search visits the schedules of a scope one by one, depth first.
type search struct {
	scope  scope
	pruned bool
	path   []node
	base   int // how much of the path stays as it is
}

// next picks the step for a depth: that of the path, or at its end the first
// one that is awake. It returns -1 if none is.
func (s *search) next(depth int, steps []step) int {
	if depth < len(s.path) {
		return s.path[depth].picked
	}
	n := node{steps: steps}
	if depth > 0 && s.pruned {
		parent := s.path[depth-1]
		taken := parent.steps[parent.picked]
		for _, asleep := range parent.asleep {
			if asleep.commutes(taken) {
				n.asleep = append(n.asleep, asleep)
			}
		}
	}
	n.picked = n.awake(0)
	s.path = append(s.path, n)
	return n.picked
}

// awake returns the first step from i on that is not asleep, or -1.
func (n *node) awake(i int) int {
	for ; i < len(n.steps); i++ {
		if !slices.ContainsFunc(n.asleep, func(s step) bool { return s.name == n.steps[i].name }) {
			return i
		}
	}
	return -1
}

// advance turns the path to the next schedule. It returns false after the last.
func (s *search) advance() bool {
	for len(s.path) > s.base {
		n := &s.path[len(s.path)-1]
		if n.picked >= 0 {
			if s.pruned {
				n.asleep = append(n.asleep, n.steps[n.picked])
			}
			if n.picked = n.awake(n.picked + 1); n.picked >= 0 {
				return true
			}
		}
		s.path = s.path[:len(s.path)-1]
	}
	return false
}
