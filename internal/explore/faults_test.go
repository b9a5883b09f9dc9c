//go:build !(js && wasm)

package explore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/onerefresh/onerefresh"
)

// fault returns the step of a fault that touches these parts of the world, and
// whatever comes of it. What it does is done with w.mu held.
func fault(tab int, what string, touches touched, do func()) step {
	return step{label{fault: true, tab: tab, what: what}, do, touches}
}

// faults returns what can go wrong next.
func (w *world) faults() []step {
	steps := make([]step, 0, 16)
	for _, o := range w.ops {
		steps = w.opFaults(steps, o)
	}
	for _, t := range w.tabs {
		if !t.dead {
			steps = w.tabFaults(steps, t)
		}
	}
	steps = append(steps, w.clockFaults()...)
	if w.scope.only != "" {
		steps = slices.DeleteFunc(steps, func(s step) bool { return !strings.Contains(s.what, w.scope.only) })
	}
	return steps
}

// opFaults adds what can go wrong with a port call under way.
func (w *world) opFaults(steps []step, o *op) []step {
	add := func(what string, do func()) {
		steps = append(steps, fault(o.tab.number, what, o.tab.own()|theServer, do))
	}
	switch o.kind {
	case opLoad:
		add("read fails", func() {
			w.faulty.allow(onerefresh.CodeTemporarilyUnavailable)
			w.answer(o, reply{err: errDisk})
		})
	case opSwap:
		add("write fails", func() {
			w.failWrite()
			w.answer(o, reply{err: errDisk})
		})
		add("write succeeds, and is said to have failed", func() {
			w.failWrite()
			w.swap(o)
			w.answer(o, reply{err: errDisk})
		})
	case opSend:
		add("request is lost", func() { w.failNetwork(o) })
		add("server is unavailable", func() {
			w.faulty.allow(onerefresh.CodeTemporarilyUnavailable)
			w.answer(o, reply{err: errUnavailable})
		})
		add("server asks to wait", func() {
			w.faulty.allow(onerefresh.CodeTemporarilyUnavailable)
			w.answer(o, reply{err: errTooMany})
		})
		add("server refuses the client", func() {
			w.faulty.allow(onerefresh.CodeMisconfigured)
			w.answer(o, reply{err: errClient})
		})
	case opWait:
		add("answer is lost", func() {
			w.faulty.lose()
			w.failNetwork(o)
		})
		if o.answerErr == nil {
			add("answer has expired on arrival", func() {
				w.faulty.stale = true
				w.faulty.allow(onerefresh.CodeMisconfigured)
				w.server.answered[o.refreshToken] = answered{o.tab, o.timedOut}
				o.answer.ExpiresIn = 0
				w.answer(o, reply{answer: o.answer})
			})
			add("answer lacks expires_in", func() {
				w.faulty.allow(onerefresh.CodeMisconfigured)
				w.server.answered[o.refreshToken] = answered{o.tab, o.timedOut}
				w.answer(o, reply{answer: o.answer, err: errField})
			})
		}
		if !o.late && !o.timedOut {
			add("answer is late", func() {
				// Whoever tries again after the timeout cannot know that the
				// answer is about to come.
				w.faulty.lose()
				w.faulty.lates++
				w.faulty.allow(onerefresh.CodeTemporarilyUnavailable)
				o.late, o.timedOut = true, true
			})
		}
	}
	return steps
}

// failNetwork: an exchange is tried twice.
func (w *world) failNetwork(o *op) {
	exchange := exchange{o.tab, o.refreshToken}
	if w.faulty.networks[exchange]++; w.faulty.networks[exchange] > 1 {
		w.faulty.allow(onerefresh.CodeTemporarilyUnavailable)
	}
	w.answer(o, reply{err: errNetwork})
}

// failWrite: the tab may have a token that nobody else has.
func (w *world) failWrite() {
	f := &w.faulty
	f.allow(onerefresh.CodeTemporarilyUnavailable, onerefresh.CodeLockTimeout)
	f.unwritten = true
	if f.gone > 0 || w.scope.alone {
		f.lose()
	}
}

// tabFaults adds what can happen to a tab.
func (w *world) tabFaults(steps []step, t *tab) []step {
	add := func(what string, do func()) {
		steps = append(steps, fault(t.number, what, t.own(), do))
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
	if t.closed {
		return steps
	}
	add("is closed", func() {
		t.closed = true
		w.goes()
		go t.session.Close()
	})
	add("sign-out", func() {
		w.faulty.allow(onerefresh.CodeSignedOut)
		go t.session.SignOut(context.Background())
	})
	add("sign-in of another user", func() {
		w.writes(theServer)
		grant := w.server.grant()
		go t.session.SignIn(context.Background(), *grant)
	})
	return steps
}

func (w *world) clockFaults() []step {
	add := func(d time.Duration) func() {
		return func() {
			w.skew += d
			w.faulty.clock = true
			if w.scope.alone { // a lease goes by the clock
				w.faulty.lose()
			}
		}
	}
	return []step{
		fault(0, "clock goes forward", theClock, add(2*time.Hour)),
		fault(0, "clock goes back", theClock, add(-2*time.Hour)),
	}
}

// goes: a tab is about to go, perhaps with a token that nobody else has.
func (w *world) goes() {
	w.faulty.gone++
	if w.faulty.unwritten {
		w.faulty.lose()
	}
}

// crash ends a tab: nothing that it does from now on has any effect.
func (w *world) crash(t *tab) {
	t.dead = true
	w.goes()
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
				w.faulty.lose()
			}
			w.answer(o, reply{err: errDead})
		}
	}
}

var (
	errDead        = errors.New("the tab is dead")
	errNetwork     = errors.New("network failure")
	errDisk        = errors.New("write failed")
	errUnavailable = &onerefresh.RefreshError{Status: 503}
	errTooMany     = &onerefresh.RefreshError{Status: 429, RetryAfter: 5 * time.Second}
	errClient      = &onerefresh.RefreshError{Status: 401, Code: "invalid_client"}
	errField       = &onerefresh.FieldError{Field: "expires_in", Problem: "missing"}
)
