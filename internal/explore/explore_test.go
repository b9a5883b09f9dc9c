//go:build !(js && wasm)

package explore

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	full      = flag.Bool("full", false, "explore three tabs and pairs of faults too, and a million random schedules")
	budget    = flag.Duration("budget", time.Hour, "with -full, how long to explore each scope that may be too large to complete")
	first     = flag.Uint64("first", 1, "the `number` of the first random schedule")
	schedules = flag.Uint64("schedules", 0, "how `many` random schedules to run; 0 for a million with -full, else 20,000")
	seed      = flag.Uint64("seed", 0, "run the random schedule of this `number` alone")
)

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400) // worlds are small, short-lived and many
	os.Exit(m.Run())
}

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
	c.steps.Add(int64(len(s.labels)))
	if s.cut {
		c.cut.Add(1)
	} else {
		c.schedules.Add(1)
	}
}

func (c *tally) String() string {
	return fmt.Sprintf("%d schedules, %d steps (and %d schedules cut short, as their like had been visited)",
		c.schedules.Load(), c.steps.Load(), c.cut.Load())
}

// exhaust visits all schedules of a scope up to a length, or of any length if
// bound is 0, on all cores, until one violates an invariant or the time is up.
func (sc scope) exhaust(t *testing.T, bound int, budget time.Duration) (worst schedule, complete bool) {
	var (
		count tally
		mu    sync.Mutex
		done  atomic.Int64
		found atomic.Bool
		began = time.Now()
	)
	over := func() bool { return found.Load() || time.Since(began) > budget }
	visit := func(s schedule) bool {
		count.add(s)
		if len(s.broken) > 0 {
			mu.Lock()
			defer mu.Unlock()
			if worst.broken == nil {
				worst = s
				found.Store(true)
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
	cores(t, func(t *testing.T) {
		for part := range jobs {
			if !over() {
				part.all(t, visit)
			}
			if !over() {
				done.Add(1)
			}
		}
	})
	complete = done.Load() == int64(len(parts)) && !over()
	if bound == 0 {
		t.Logf("%v: %v in %v; all of %d of the %d beginnings of 8 steps",
			sc, &count, time.Since(began).Round(time.Millisecond), done.Load(), len(parts))
	}
	return worst, complete
}

// cores runs f once for each core, all at once.
func cores(t *testing.T, f func(t *testing.T)) {
	t.Run("cores", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("core", func(t *testing.T) {
				t.Parallel()
				f(t)
			})
		}
	})
}

// shortest returns the shortest schedule that violates an invariant.
func (sc scope) shortest(t *testing.T) schedule {
	for bound := 1; bound < 60; bound++ {
		if worst, _ := sc.exhaust(t, bound, time.Hour); worst.broken != nil {
			return worst
		}
	}
	return schedule{}
}

// Every schedule of two tabs and one expiry, without a fault and with any one
// fault at any step. A search that does not come to its end is a failure.
func TestExhaustive(t *testing.T) {
	for _, sc := range []scope{
		{tabs: 2},
		{tabs: 2, faults: 1},
		{tabs: 2, faults: 1, lulls: 2, server: refuses, only: "late"},
		{tabs: 2, rejected: true},
		{tabs: 2, faults: 1, early: true, only: "fails"},
		{tabs: 2, faults: 1, early: true, only: "server"},
		{tabs: 2, faults: 1, early: true, only: "late"},
		{tabs: 2, alone: true},
		{tabs: 2, faults: 1, alone: true, only: "crash"},
		{tabs: 2, faults: 1, alone: true, only: "clo"}, // is closed, and the clock
		{tabs: 2, faults: 1, alone: true, only: "write"},
		{tabs: 2, faults: 1, alone: true, only: "answer"},
	} {
		worst, complete := sc.exhaust(t, 0, time.Hour)
		if worst.broken != nil {
			t.Fatalf("%v:\n%s", sc, worst)
		}
		if !complete {
			t.Errorf("%v: not complete", sc)
		}
	}
}

// Larger scopes, as far as the budget goes.
func TestBeyond(t *testing.T) {
	if !*full {
		t.Skip("-full is not set")
	}
	for _, sc := range []scope{
		{tabs: 2, faults: 1, alone: true},
		{tabs: 2, faults: 1, rejected: true},
		{tabs: 2, faults: 1, lulls: 2, server: refuses},
		{tabs: 3},
		{tabs: 3, faults: 1},
		{tabs: 2, faults: 2},
	} {
		t.Run(sc.String(), func(t *testing.T) {
			if worst, _ := sc.exhaust(t, 0, *budget); worst.broken != nil {
				t.Fatalf("\n%s", worst)
			}
		})
	}
}

// The pruned search must find every outcome that the whole one finds.
func TestPruningLosesNoOutcome(t *testing.T) {
	for _, fault := range []string{"", "crash", "answer is lost", "request", "notice", "write", "gives up"} {
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

// Many tabs, and any number of faults, at random. A failure is printed with its
// number, which -seed runs alone, and as the shortest that fails.
func TestRandom(t *testing.T) {
	last := *first + cmp.Or(*schedules, 20_000) - 1
	if *full && *schedules == 0 {
		last = *first + 1_000_000 - 1
	}
	if *seed != 0 {
		*first, last = *seed, *seed
	}
	var (
		count tally
		next  atomic.Uint64
		began = time.Now()
	)
	next.Store(*first)
	cores(t, func(t *testing.T) {
		for n := next.Add(1) - 1; n <= last && !t.Failed(); n = next.Add(1) - 1 {
			sc, s := random(t, n)
			count.add(s)
			if s.broken != nil {
				t.Errorf("schedule %d, %v:\n%s", n, sc, sc.shrink(t, s))
			}
		}
	})
	t.Logf("from number %d: %v in %v", *first, &count, time.Since(began).Round(time.Millisecond))
}

// random runs the schedule of a number.
func random(t *testing.T, number uint64) (scope, schedule) {
	rng := rand.New(rand.NewPCG(number, 0))
	sc := scope{
		tabs:     3 + int(48*math.Pow(rng.Float64(), 5)), // few tabs find more per second
		faults:   rng.IntN(9),
		server:   policy(rng.IntN(2)),
		alone:    rng.IntN(4) == 0,
		rejected: rng.IntN(4) == 0,
		early:    rng.IntN(4) == 0, // unless it is rejected
		lulls:    rng.IntN(3),
	}
	rare := 5 + rng.IntN(40)
	return sc, sc.run(t, func(w *world, _ int) (step, bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		steps := w.faultless
		if w.left > 0 && rng.IntN(rare) == 0 { // without a bias the first steps would have all the faults
			steps = slices.Values(w.faults())
		}
		all := slices.Collect(steps)
		return all[rng.IntN(len(all))], true
	})
}

// shrink leaves out steps of a schedule that fails, for as long as it fails.
func (sc scope) shrink(t *testing.T, s schedule) schedule {
	for size := len(s.labels) / 2; size > 0; size /= 2 {
		for from := 0; from+size <= len(s.labels); {
			shorter := sc.replay(t, slices.Delete(slices.Clone(s.labels), from, from+size))
			if shorter.broken != nil && len(shorter.labels) < len(s.labels) {
				s = shorter
			} else {
				from += size
			}
		}
	}
	return s
}

// replay runs these steps, in order, as far as there are such,
// and then the first one each time.
func (sc scope) replay(t *testing.T, labels []label) schedule {
	return sc.run(t, func(w *world, _ int) (step, bool) {
		steps := w.steps()
		for len(labels) > 0 {
			next := labels[0]
			labels = labels[1:]
			if i := slices.IndexFunc(steps, func(s step) bool { return s.label == next }); i >= 0 {
				return steps[i], true
			}
		}
		return steps[0], true
	})
}
