//go:build !(js && wasm)

package explore

import "slices"

// touched is a set of parts of a world.
type touched uint64

const (
	theSessionLock touched = 1 << iota
	theKeptLock
	theStore
	theServer
	theClock
	theOrder // in which the tabs are asked
	firstTab // and the other tabs from here on

	everything touched = 1<<64 - 1
)

func lockBit(name string) touched {
	switch name {
	case sessionName:
		return theSessionLock
	case sessionName + ":kept":
		return theKeptLock
	}
	return 0 // the tab's own
}

// own is what belongs to the tab alone: its goroutines, its port calls, what
// Peek shows it, and its timers.
func (t *tab) own() touched { return firstTab << (t.number - 1) }

// A footprint says what a step has read and what it has changed, with all that
// the goroutines did because of it until they blocked again.
//
// It is taken down while the step runs, and not foreseen. Nothing reaches from
// one tab to another but through the ports, where it is written down: the
// queue and the holder of each lock, the record, the server, the clock.
//
// Two steps commute if neither changes what the other reads or changes: either
// order leads to the same world, and neither enables, disables or alters the
// other. So of the schedules that differ in the order of such neighbours
// alone, one is enough. Sleep sets (Godefroid, Partial-Order Methods for the
// Verification of Concurrent Systems, chapter 5) visit at least one of each
// such class: when all schedules that begin with step a have been visited, a
// is put to sleep for those that begin with its sibling b instead, until a
// step that does not commute with a has been taken. Until then nothing has
// changed that a reads, so the footprint that it left is that which it would
// leave.
//
// What takes more thought:
//   - Time is a step as well, and commutes with nothing. So is the end. Both
//     are there when no regular step is, and so are faults: which steps are
//     offered beside a fault depends on nothing that a fault could miss.
//   - A swap adds to the end of the news of other tabs, of which they take the
//     first: these commute, and no tab reads its news otherwise, but for a
//     load, which reads the record that the swap changed.
//   - One fault too many disables all others, so no two faults commute.
//   - A fault excuses errors (see allow), and a check before it is stricter
//     than after. A schedule left out could have violated an invariant by that
//     alone only if it does so without the fault, too: the search with one fault
//     less finds that.
type footprint struct{ read, changed touched }

func (f footprint) commutes(with footprint) bool {
	return f.changed&(with.read|with.changed) == 0 && f.read&with.changed == 0
}

// reads and writes take down what the step under way does. w.mu is held.
func (w *world) reads(what touched)  { w.print.read |= what }
func (w *world) writes(what touched) { w.print.changed |= what }

// A node is a point of a schedule where there was a choice.
type node struct {
	steps  []label
	asleep []visited // in another order
	picked int
	print  footprint // of the step picked
}

// visited is a step whose schedules have been visited.
type visited struct {
	label
	print footprint
}

func (v visited) commutes(with visited) bool {
	return !(v.fault && with.fault) && v.print.commutes(with.print)
}

func (n *node) visited() visited { return visited{n.steps[n.picked], n.print} }

// A search visits the schedules of a scope one by one, depth first.
type search struct {
	scope  scope
	pruned bool
	path   []node
	base   int // how much of the path stays as it is
	bound  int // of the steps, or 0 for none; a longer schedule is cut short
}

// next picks the step for a depth: that of the path, or at its end the first
// one that is awake. It returns false if none is.
func (s *search) next(w *world, depth int) (step, bool) {
	if depth < len(s.path) {
		n := &s.path[depth]
		return w.again(n.steps[n.picked]), true
	}
	steps := w.steps()
	n := node{print: footprint{changed: everything}} // until it is known
	for _, step := range steps {
		n.steps = append(n.steps, step.label) // without what it does, which holds on to its world
	}
	if depth > 0 {
		parent := &s.path[depth-1]
		parent.print = w.print
		for _, asleep := range parent.asleep {
			if asleep.commutes(parent.visited()) {
				n.asleep = append(n.asleep, asleep)
			}
		}
	}
	if depth == s.bound && depth > 0 {
		return step{}, false
	}
	n.picked = n.awake(0)
	s.path = append(s.path, n)
	if n.picked < 0 {
		return step{}, false
	}
	return steps[n.picked], true
}

// awake returns the first step from i on that is not asleep, or -1.
func (n *node) awake(i int) int {
	for ; i < len(n.steps); i++ {
		if !slices.ContainsFunc(n.asleep, func(v visited) bool { return v.label == n.steps[i] }) {
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
				n.asleep = append(n.asleep, n.visited())
			}
			if n.picked = n.awake(n.picked + 1); n.picked >= 0 {
				return true
			}
		}
		s.path = s.path[:len(s.path)-1]
	}
	return false
}
