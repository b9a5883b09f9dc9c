//go:build !(js && wasm)

package explore

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/onerefresh/onerefresh"
)

// fault returns the step of a fault that touches these parts of the world, and
// whatever comes of it.
func (w *world) fault(name string, touches touched, do func()) step {
	return step{name: "FAULT " + name, fault: true, do: func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.writes(touches)
		do()
	}}
}

// faults returns what can go wrong next.
func (w *world) faults() (steps []step) {
	for _, o := range w.ops {
		steps = append(steps, w.opFaults(o)...)
	}
	for _, t := range w.tabs {
		if !t.dead {
			steps = append(steps, w.tabFaults(t)...)
		}
	}
	steps = append(steps, w.clockFaults()...)
	if w.scope.only != "" {
		steps = slices.DeleteFunc(steps, func(s step) bool { return !strings.Contains(s.name, w.scope.only) })
	}
	return steps
}

// opFaults returns what can go wrong with a port call under way.
func (w *world) opFaults(o *op) (steps []step) {
	add := func(what string, do func()) {
		steps = append(steps, w.fault(o.tab.name(what), o.tab.own()|theServer, do))
	}
	switch o.kind {
	case opSwap:
		add("write fails", func() {
			w.allow(onerefresh.CodeTemporarilyUnavailable, onerefresh.CodeLockTimeout)
			w.answer(o, reply{err: errDisk})
		})
		add("write succeeds, and is said to have failed", func() {
			w.allow(onerefresh.CodeTemporarilyUnavailable)
			w.swap(o)
			w.answer(o, reply{err: errDisk})
		})
	case opSend:
		add("request is lost", func() { w.answer(o, reply{err: errNetwork}) })
		add("server is unavailable", func() {
			w.allow(onerefresh.CodeTemporarilyUnavailable)
			w.answer(o, reply{err: errUnavailable})
		})
	case opWait:
		add("answer is lost", func() {
			w.loseAnswer(o)
			w.answer(o, reply{err: errNetwork})
		})
		if !o.late {
			add("answer is late", func() {
				// Whoever tries again after the timeout cannot know that
				// the answer is about to come. If both meet, the family is
				// revoked, and the token that came late finds out only
				// when it is presented itself.
				w.lost, w.untold = true, true
				w.allow(onerefresh.CodeTemporarilyUnavailable, onerefresh.CodeSessionEnded)
				o.late, o.timedOut = true, true
			})
		}
	}
	return steps
}

// tabFaults returns what can happen to a tab.
func (w *world) tabFaults(t *tab) (steps []step) {
	add := func(what string, do func()) {
		steps = append(steps, w.fault(t.name(what), t.own(), do))
	}
	add("crash", func() { w.crash(t) })
	if len(t.news) > 0 {
		add("notice is lost", func() { t.view, t.news = t.news[0], t.news[1:] })
	}
	for _, c := range w.callers {
		if c.tab == t && !c.done && !c.gaveUp {
			add("caller gives up", func() {
				c.gaveUp = true
				c.cancel()
			})
			break
		}
	}
	add("sign-out", func() {
		w.allow(onerefresh.CodeSignedOut)
		go t.session.SignOut(context.Background())
	})
	add("sign-in of another user", func() {
		w.writes(theServer)
		grant := w.server.grant()
		go t.session.SignIn(context.Background(), grant)
	})
	return steps
}

func (w *world) clockFaults() []step {
	return []step{
		w.fault("clock goes forward", theClock, func() { w.skew += 2 * time.Hour }),
		w.fault("clock goes back", theClock, func() { w.skew -= 2 * time.Hour }),
	}
}

// crash ends a tab: nothing that it does from now on has any effect.
func (w *world) crash(t *tab) {
	t.dead = true
	w.writes(t.own() | theOrder)
	for name, holder := range w.holder {
		if holder == t {
			w.writes(lockBit(name))
		}
	}
	w.idle = slices.DeleteFunc(w.idle, func(other *tab) bool { return other == t })
	maps.DeleteFunc(w.holder, func(_ string, holder *tab) bool { return holder == t })
	for _, o := range append([]*op(nil), w.ops...) {
		if o.tab == t {
			if o.kind == opWait || o.kind == opSwap {
				w.writes(theServer)
				w.loseAnswer(o)
			}
			w.answer(o, reply{err: errDead})
		}
	}
}
