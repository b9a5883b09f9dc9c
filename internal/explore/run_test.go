//go:build !(js && wasm)

package explore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
)

// A schedule is what happened in one run, step by step.
type schedule struct {
	labels  []label
	broken  []string
	outcome string
	cut     bool // its like has been visited in another order
}

func (s schedule) String() string {
	var b strings.Builder
	for i, step := range s.labels {
		fmt.Fprintf(&b, "%3d. %v\n", i+1, step)
	}
	for _, violation := range s.broken {
		fmt.Fprintf(&b, "     VIOLATED: %s\n", violation)
	}
	return b.String()
}

// A scope says how much of which world a search explores.
type scope struct {
	tabs     int
	faults   int
	server   policy
	alone    bool   // a lock reaches one tab only, as without Web Locks
	rejected bool   // the token is refused by a resource server, and not expired
	early    bool   // the token is within its margin, and has not expired
	lulls    int    // how often time may pass although a late answer could come
	only     string // a part of the names of the faults to explore; empty for all

	// For negative controls.
	incoherent bool // Load and CompareAndSwap go by what Peek shows, as with plain localStorage
	blindSwaps bool // CompareAndSwap does not compare
}

// A picker says which step of a world is next, or false to cut the schedule
// short. The world has the footprint of the step before.
type picker func(w *world, depth int) (step, bool)

func pickFirst(w *world, _ int) (step, bool) { return earliest(w.faultless) }

func (sc scope) String() string {
	s := fmt.Sprintf("%d tabs, at most %d faults", sc.tabs, sc.faults)
	if sc.only != "" {
		s += fmt.Sprintf(" (%q)", sc.only)
	}
	if sc.server == refuses {
		s += ", a server that keeps the family on reuse"
	}
	if sc.alone {
		s += ", locks of one tab"
	}
	if sc.rejected {
		s += ", a token that was rejected"
	}
	if sc.early {
		s += ", a token that expires in 20 s"
	}
	if sc.lulls > 0 {
		s += fmt.Sprintf(", up to %d times two seconds before a late answer", sc.lulls)
	}
	return s
}

// run runs one schedule.
func (sc scope) run(t *testing.T, pick picker) (s schedule) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sc)
		defer w.end()
		w.idle = slices.Clone(w.tabs)
		w.left = sc.faults
		s = w.explore(pick)
		if len(w.broken) == 0 && !s.cut {
			w.drain()
			s.outcome = w.outcome()
			w.nextExpiry()
		}
		s.broken = w.broken
	})
	return s
}

// explore picks steps until every caller has been answered.
func (w *world) explore(pick picker) (s schedule) {
	s.labels = make([]label, 0, 32)
	synctest.Wait()
	for w.over = false; len(w.broken) == 0 && !w.over; {
		if len(s.labels) == mostSteps {
			w.violated("no rest after %d steps", mostSteps)
			break
		}
		next, ok := pick(w, len(s.labels))
		if !ok {
			s.cut = true
			break
		}
		s.labels = append(s.labels, next.label)
		if next.fault {
			w.left--
		}
		w.print = footprint{}
		w.take(next)
		synctest.Wait()
	}
	return s
}

// drain takes all steps that there are, so that nobody is left frozen.
func (w *world) drain() {
	for s, ok := earliest(w.regular); ok; s, ok = earliest(w.regular) {
		w.take(s)
		synctest.Wait()
	}
}

// mostSteps is more than it takes to answer every caller.
const mostSteps = 5000

// nextExpiry has every tab that lives ask once more, when the token has
// expired: a tab that adopted a token must be as fit as one that refreshed.
func (w *world) nextExpiry() {
	for expired := time.Now().Add(lifetime); time.Now().Before(expired); {
		select {
		case <-w.arrived: // what could not be written is tried again
		case <-time.After(time.Until(expired)):
		}
		synctest.Wait()
		w.drain()
	}
	for _, tab := range w.tabs {
		if !tab.dead && !tab.closed {
			w.call(tab)
		}
	}
	w.left = 0
	w.explore(pickFirst)
	w.checkEnd()
}

// early is less than the margin.
const early = 20 * time.Second

const sessionName = "session"

func newWorld(t *testing.T, sc scope) *world {
	w := &world{scope: sc, server: server{policy: sc.server}, holder: map[string]*tab{}, arrived: make(chan struct{}, 1)}
	w.faulty.init()
	grant := w.server.grant()
	now := time.Now()
	w.record = &onerefresh.Record{Generation: 1, Epoch: 1, Writer: "login", Token: onerefresh.Token{
		AccessToken: grant.AccessToken, RefreshToken: grant.RefreshToken, Received: now, Expiry: now,
	}}
	switch {
	case sc.rejected:
		w.record.Token.Expiry = now.Add(lifetime)
	case sc.early:
		w.record.Token.Received = now.Add(-lifetime)
		w.record.Token.Expiry = now.Add(early)
	}
	for i := range sc.tabs {
		tab := &tab{world: w, number: i + 1, view: w.record, watches: map[int]func(){}}
		session, err := onerefresh.Open(onerefresh.Options{
			Name: sessionName, Store: tab, Locker: tab, Refresher: tab, Revoker: tab, Clock: tab,
			OnEvent: tab.event,
		})
		if err != nil {
			t.Fatal(err)
		}
		tab.session = session
		w.tabs = append(w.tabs, tab)
	}
	return w
}

// end lets every goroutine of the world come to its end.
func (w *world) end() {
	w.mu.Lock()
	for _, tab := range w.tabs {
		w.crash(tab)
	}
	w.mu.Unlock()
	for _, tab := range w.tabs {
		tab.session.Close()
	}
	for _, c := range w.callers {
		c.cancel()
	}
	synctest.Wait()
	time.Sleep(longestWait)
}
