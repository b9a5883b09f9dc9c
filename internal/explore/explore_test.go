//go:build !(js && wasm)

package explore

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	full = flag.Bool("full", false, "explore pairs of faults too, and a million random schedules")
	seed = flag.Uint64("seed", 0, "run the random schedule of this `number` alone")
)

// all runs every schedule of the search, until visit returns false.
func (s *search) all(t *testing.T, visit func(schedule) bool) {
	for visit(s.scope.run(t, s.next)) && s.advance() {
	}
}

// split returns searches that together visit what s would: one for each
// beginning of the given length. Shorter schedules it visits itself.
func (s *search) split(t *testing.T, length int, visit func(schedule) bool) (parts []*search) {
	bound := s.bound
	s.bound = length
	s.all(t, func(sch schedule) bool {
		if sch.cut && s.path[len(s.path)-1].picked >= 0 {
			part := &search{scope: s.scope, pruned: s.pruned, bound: bound, base: length}
			for _, n := range s.path {
				n.asleep = slices.Clone(n.asleep)
				part.path = append(part.path, n)
			}
			parts = append(parts, part)
			return true
		}
		return visit(sch)
	})
	return parts
}

// A tally counts what a search has visited.
type tally struct{ schedules, steps, cut atomic.Int64 }

func (c *tally) add(s schedule) {
	c.steps.Add(int64(len(s.names)))
	if s.cut {
		c.cut.Add(1)
	} else {
		c.schedules.Add(1)
	}
}

func (c *tally) String() string {
	return fmt.Sprintf("%d schedules, %d steps (%d schedules cut short, as their like had been visited)",
		c.schedules.Load(), c.steps.Load(), c.cut.Load())
}

// exhaust visits all schedules of a scope, on all cores, until one violates an
// invariant or the budget is used up.
func (sc scope) exhaust(t *testing.T, bound int, budget time.Duration) (worst schedule, complete bool) {
	var (
		count tally
		mu    sync.Mutex
		found = make(chan struct{})
		began = time.Now()
	)
	over := func() bool {
		select {
		case <-found:
			return true
		default:
			return time.Since(began) > budget
		}
	}
	visit := func(s schedule) bool {
		count.add(s)
		if len(s.broken) > 0 {
			mu.Lock()
			defer mu.Unlock()
			if worst.broken == nil {
				worst = s
				close(found)
			}
		}
		return !over()
	}
	parts := (&search{scope: sc, pruned: true, bound: bound}).split(t, 8, visit)
	jobs := make(chan *search, len(parts))
	for _, part := range parts {
		jobs <- part
	}
	close(jobs)
	t.Run("cores", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("core", func(t *testing.T) {
				t.Parallel()
				for part := range jobs {
					if !over() {
						part.all(t, visit)
					}
				}
			})
		}
	})
	complete = !over()
	t.Logf("%+v: %v in %v, complete: %t", sc, &count, time.Since(began).Round(time.Millisecond), complete)
	return worst, complete
}

// shortest returns the shortest schedule that violates an invariant.
func (sc scope) shortest(t *testing.T, budget time.Duration) schedule {
	for bound := 1; bound < 40; bound++ {
		if worst, complete := sc.exhaust(t, bound, budget); worst.broken != nil || !complete {
			return worst
		}
	}
	return schedule{}
}

// Every schedule of two tabs and one expiry, without a fault and with any one
// fault at any step.
func TestExhaustive(t *testing.T) {
	scopes := []scope{
		{tabs: 2},
		{tabs: 2, faults: 1},
		{tabs: 2, faults: 1, server: refuses, lulls: 2, only: "late"},
	}
	// CI stops after a while; what it has not seen by then, it says.
	budget := 30 * time.Second
	if *full {
		budget = time.Hour
		scopes = append(scopes, scope{tabs: 3}, scope{tabs: 3, faults: 1}, scope{tabs: 2, faults: 2})
	}
	for _, sc := range scopes {
		worst, complete := sc.exhaust(t, 0, budget)
		if worst.broken != nil {
			t.Fatalf("%+v:\n%s", sc, worst)
		}
		if !complete && *full && sc.tabs == 2 && sc.faults < 2 {
			t.Errorf("%+v: the budget of %v was used up", sc, budget)
		}
	}
}

// The pruned search must find every outcome that the whole one finds.
func TestPruningLosesNoOutcome(t *testing.T) {
	for _, fault := range []string{"", "crash", "answer is lost", "request", "notice"} {
		outcomes := func(pruned bool) (list []string, schedules int) {
			sc := scope{tabs: 2, faults: 1, only: fault}
			if fault == "" {
				sc.faults = 0
			}
			(&search{scope: sc, pruned: pruned}).all(t, func(s schedule) bool {
				if !s.cut {
					list = append(list, s.outcome)
					schedules++
				}
				return true
			})
			slices.Sort(list)
			return slices.Compact(list), schedules
		}
		whole, n := outcomes(false)
		pruned, m := outcomes(true)
		t.Logf("%q: %d outcomes of %d schedules, %d outcomes of %d", fault, len(whole), n, len(pruned), m)
		if !slices.Equal(whole, pruned) || m >= n {
			t.Errorf("%q: whole:\n%s\npruned:\n%s", fault, strings.Join(whole, "\n"), strings.Join(pruned, "\n"))
		}
	}
}

// Many tabs, a fault or none, at random. A failure is printed with its number,
// which -seed runs alone, and as the shortest that fails in the same way.
func TestRandom(t *testing.T) {
	first, last := uint64(1), uint64(5_000)
	if *full {
		last = 1_000_000
	}
	if *seed != 0 {
		first, last = *seed, *seed
	}
	var count tally
	var next atomic.Uint64
	next.Store(first)
	began := time.Now()
	t.Run("cores", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("core", func(t *testing.T) {
				t.Parallel()
				for n := next.Add(1) - 1; n <= last && !t.Failed(); n = next.Add(1) - 1 {
					sc, s := random(t, n)
					count.add(s)
					if s.broken != nil {
						t.Errorf("schedule %d, %+v:\n%s", n, sc, sc.shrink(t, s))
					}
				}
			})
		}
	})
	t.Logf("%v in %v", &count, time.Since(began).Round(time.Millisecond))
}

// random runs the schedule of a number.
func random(t *testing.T, number uint64) (scope, schedule) {
	rng := rand.New(rand.NewPCG(number, 0))
	sc := scope{tabs: 3 + int(48*rng.Float64()*rng.Float64()), faults: rng.IntN(2), server: policy(rng.IntN(2))}
	return sc, sc.run(t, func(_ int, steps []step, _ footprint) int {
		// Faults are many: without a bias the first steps would have them all.
		if i := rng.IntN(len(steps)); !steps[i].fault || rng.IntN(10) == 0 {
			return i
		}
		return rng.IntN(1+slices.IndexFunc(append(steps, step{fault: true}), func(s step) bool { return s.fault })) % len(steps)
	})
}

// shrink leaves out steps of a schedule that fails, for as long as it fails.
func (sc scope) shrink(t *testing.T, s schedule) schedule {
	for size := len(s.names) / 2; size > 0; size /= 2 {
		for from := 0; from+size <= len(s.names); {
			shorter := sc.replay(t, slices.Delete(slices.Clone(s.names), from, from+size))
			if shorter.broken != nil && len(shorter.names) < len(s.names) {
				s = shorter
			} else {
				from += size
			}
		}
	}
	return s
}

// replay runs the steps of these names, in order, as far as there are such,
// and then the first one each time.
func (sc scope) replay(t *testing.T, names []string) schedule {
	return sc.run(t, func(_ int, steps []step, _ footprint) int {
		for len(names) > 0 {
			name := names[0]
			names = names[1:]
			if i := slices.IndexFunc(steps, func(s step) bool { return s.name == name }); i >= 0 {
				return i
			}
		}
		return 0
	})
}
