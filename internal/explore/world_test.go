//go:build !(js && wasm)

package explore

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
)

// A world is a few tabs that share one session, an authorization server, and
// whatever is under way between them.
type world struct {
	scope scope

	mu      sync.Mutex // guards all below: ports are called from many goroutines
	print   footprint  // of the step under way
	ops     []*op      // port calls that wait for their step, sorted
	serials int
	moment  int           // grows with each step, and whenever time has passed
	arrived chan struct{} // has room for one: something has been added to ops

	idle   []*tab // that will be asked for a token
	tabs   []*tab
	record *onerefresh.Record // what is stored, in truth
	holder map[string]*tab    // by name of the lock
	queue  []*op              // for all locks
	skew   time.Duration      // of the wall clock, as every tab sees it
	lull   int                // how often time has passed although something could happen
	left   int                // how many faults may still be
	server server

	callers []*caller
	faulty  faulty
	broken  []string // invariants that did not hold
	over    bool     // the schedule is at its end
}

// A tab is one process with one Session.
type tab struct {
	*world
	number  int
	session *onerefresh.Session
	dead    bool
	closed  bool
	view    *onerefresh.Record   // what Peek shows: it lags behind the record
	news    []*onerefresh.Record // writes of others that have not reached the view
	watches map[int]func()
	events  []onerefresh.EventKind
}

// A caller asks a tab for a token.
type caller struct {
	tab      *tab
	cancel   context.CancelFunc
	rejected string // the access token that a resource server has refused, if any
	gaveUp   bool
	began    time.Time
	done     bool
	token    onerefresh.Token
	err      error
}

type kind string

const (
	opLock kind = "lock"
	opLoad kind = "load"
	opSwap kind = "swap"
	opSend kind = "send" // the request is on its way to the server
	opWait kind = "wait" // the answer is on its way to the tab
)

// An op is a port call that waits for its step.
type op struct {
	kind   kind
	serial int
	moment int // in which it was added
	tab    *tab
	reply  chan reply // has room for one

	name         string             // opLock
	old          uint64             // opSwap: the generation
	new          *onerefresh.Record // opSwap
	refreshToken string             // opSend, opWait
	answer       *onerefresh.Response
	answerErr    error
	late         bool // the answer stays away until the exchange has timed out
	timedOut     bool // it was late
}

type reply struct {
	record *onerefresh.Record   // opLoad, without err
	answer *onerefresh.Response // opSend, if there is one
	err    error
}

// ask adds an op and waits for its reply. An op whose ctx ends is withdrawn.
func (t *tab) ask(ctx context.Context, o *op) reply {
	o.tab, o.reply = t, make(chan reply, 1)
	t.mu.Lock()
	if t.dead {
		t.mu.Unlock()
		return reply{err: errDead}
	}
	t.add(o)
	t.mu.Unlock()
	select {
	case r := <-o.reply:
		return r
	case <-ctx.Done():
	}
	t.mu.Lock()
	select {
	case r := <-o.reply: // it was granted at the same moment
		t.mu.Unlock()
		return r
	default:
	}
	if o.late { // a refresher that heeds no context
		o.late = false
		t.mu.Unlock()
		return <-o.reply
	}
	t.remove(o)
	t.mu.Unlock()
	return reply{err: context.Cause(ctx)}
}

func (w *world) add(o *op) {
	w.serials++
	o.serial, o.moment = w.serials, w.moment
	w.ops = append(w.ops, o)
	w.sort()
	w.writes(o.tab.own())
	if o.kind == opLock {
		w.writes(lockBit(o.name))
		w.queue = append(w.queue, o)
	}
	select {
	case w.arrived <- struct{}{}:
	default:
	}
}

// sort is for what goroutines add that were woken together: they arrive in any
// order.
func (w *world) sort() {
	slices.SortFunc(w.ops, func(a, b *op) int {
		return cmp.Or(a.tab.number-b.tab.number, strings.Compare(string(a.kind), string(b.kind)), a.serial-b.serial)
	})
}

func (w *world) remove(o *op) {
	same := func(p *op) bool { return p == o }
	w.writes(o.tab.own())
	w.ops = slices.DeleteFunc(w.ops, same)
	if o.kind == opLock {
		w.writes(lockBit(o.name))
		w.queue = slices.DeleteFunc(w.queue, same)
	}
}

func (w *world) answer(o *op, r reply) {
	w.remove(o)
	o.reply <- r
}

// The ports.

func (t *tab) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	name = t.lockName(name)
	if r := t.ask(ctx, &op{kind: opLock, name: name}); r.err != nil {
		return nil, nil, r.err
	}
	held, release := context.WithCancel(context.Background())
	return held, sync.OnceFunc(func() {
		release()
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.holder[name] == t {
			t.writes(lockBit(name))
			delete(t.holder, name)
		}
	}), nil
}

func (t *tab) lockName(name string) string {
	if t.scope.alone {
		return name + " of tab " + strconv.Itoa(t.number)
	}
	return name
}

func (t *tab) Shared() bool { return !t.scope.alone }

func (t *tab) Peek() (onerefresh.Record, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return *t.view, nil
}

func (t *tab) Load(ctx context.Context) (onerefresh.Record, error) {
	r := t.ask(ctx, &op{kind: opLoad})
	if r.err != nil {
		return onerefresh.Record{}, r.err
	}
	return *r.record, nil
}

func (t *tab) CompareAndSwap(ctx context.Context, old, new onerefresh.Record) error {
	r := t.ask(ctx, &op{kind: opSwap, old: old.Generation, new: &new})
	if r.err == nil {
		t.notify()
	}
	return r.err
}

func (t *tab) Watch(changed func()) (stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.serials++
	serial := t.serials
	t.watches[serial] = changed
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watches, serial)
	}
}

// notify calls the watches, oldest first.
func (t *tab) notify() {
	t.mu.Lock()
	var serials []int
	for serial := range t.watches {
		serials = append(serials, serial)
	}
	slices.Sort(serials)
	var watches []func()
	for _, serial := range serials {
		watches = append(watches, t.watches[serial])
	}
	t.mu.Unlock()
	for _, changed := range watches {
		changed()
	}
}

func (t *tab) Refresh(ctx context.Context, refreshToken string) (onerefresh.Response, error) {
	r := t.ask(ctx, &op{kind: opSend, refreshToken: refreshToken})
	if r.answer == nil {
		return onerefresh.Response{}, r.err
	}
	return *r.answer, r.err
}

func (t *tab) Revoke(ctx context.Context, refreshToken string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.dead {
		t.writes(theServer)
		t.server.revoke(refreshToken)
	}
	return nil
}

func (t *tab) Now() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads(theClock)
	return time.Now().Add(t.skew)
}

// The steps.

// A step is something that can happen next.
type step struct {
	label
	do      func()
	touches touched // of a fault, which is done with w.mu held
}

// take has a step happen.
func (w *world) take(s step) {
	w.moment++
	if s.fault {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.writes(s.touches)
	}
	s.do()
}

// A label is unique among the steps that can happen next. It becomes a text
// only when it is printed: there are millions.
type label struct {
	fault    bool
	tab      int // its number, or 0
	what     string
	of       string // the lock, or the refresh token
	from, to uint64 // generations
}

func (l label) String() string {
	s := l.what
	if l.of != "" {
		s += " " + l.of
	}
	if l.to > 0 {
		s += fmt.Sprintf(" %d→%d", l.from, l.to)
	}
	if l.tab > 0 {
		s = fmt.Sprintf("tab %d: %s", l.tab, s)
	}
	if l.fault {
		s = "FAULT " + s
	}
	return s
}

// steps returns what can happen next, in an order that depends on nothing but
// the schedule so far. All goroutines are blocked. Time passes, and a schedule
// ends, only when nothing else can happen, but for faults.
func (w *world) steps() []step {
	w.mu.Lock()
	defer w.mu.Unlock()
	steps := slices.Collect(w.faultless)
	if w.left > 0 {
		steps = append(steps, w.faults()...)
	}
	return steps
}

// again returns the step of a label, for a schedule that was here before.
func (w *world) again(l label) step {
	w.mu.Lock()
	defer w.mu.Unlock()
	steps := w.faultless
	if l.fault {
		steps = slices.Values(w.faults())
	}
	for s := range steps {
		if s.label == l {
			return s
		}
	}
	panic(fmt.Sprint("the same schedule comes to another world: ", l))
}

// faultless yields the steps that are no faults. w.mu is held.
func (w *world) faultless(yield func(step) bool) {
	none := true
	for s := range w.regular {
		if none = false; !yield(s) {
			return
		}
	}
	switch {
	case !none:
	case w.resting():
		yield(step{label: label{what: "rest"}, do: func() { w.over = true }})
	default:
		yield(step{label: label{what: "time passes"}, do: w.pass})
	}
}

// regular yields the steps of faultless, but for rest and time.
func (w *world) regular(yield func(step) bool) {
	for _, o := range w.ops {
		if w.ready(o) && !yield(step{label: o.label(), do: func() { w.grant(o) }}) {
			return
		}
	}
	for _, t := range w.tabs {
		if len(t.news) > 0 && !t.dead && !yield(step{label: t.label("notice"), do: func() { w.notice(t) }}) {
			return
		}
	}
	if w.lull < w.scope.lulls && slices.ContainsFunc(w.ops, func(o *op) bool { return o.timedOut && !o.late }) {
		// An answer that is late already may stay away for longer.
		lull := func() {
			w.writes(everything)
			w.lull++
			time.Sleep(2 * time.Second) // more than the first cooldown
		}
		if !yield(step{label: label{what: "two seconds pass"}, do: lull}) {
			return
		}
	}
	if len(w.idle) > 0 {
		// All tabs are alike: that the one with the lowest number is asked
		// first is a matter of names.
		t := w.idle[0]
		yield(step{label: t.label("asked for a token"), do: func() {
			w.writes(t.own() | theOrder)
			w.idle = w.idle[1:]
			w.call(t)
		}})
	}
}

func (w *world) notice(t *tab) {
	w.mu.Lock()
	w.writes(t.own())
	t.view, t.news = t.news[0], t.news[1:]
	w.mu.Unlock()
	t.notify()
}

func (t *tab) label(what string) label { return label{tab: t.number, what: what} }

func earliest(steps iter.Seq[step]) (s step, ok bool) {
	for s := range steps {
		return s, true
	}
	return s, false
}

func (o *op) label() label {
	l := o.tab.label(string(o.kind))
	switch o.kind {
	case opLock:
		l.of = o.name
	case opSwap:
		l.from, l.to = o.old, o.new.Generation
	case opSend:
		l.of = o.refreshToken
	}
	return l
}

// ready reports whether an op can be granted.
func (w *world) ready(o *op) bool {
	if o.kind == opLock {
		// Those who came in the same moment came in any order.
		before := func(p *op) bool { return p.name == o.name && p.moment < o.moment }
		return w.holder[o.name] == nil && !slices.ContainsFunc(w.queue, before)
	}
	return !o.late
}

func (w *world) grant(o *op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes(o.tab.own())
	switch o.kind {
	case opLock:
		w.writes(lockBit(o.name))
		w.holder[o.name] = o.tab
		w.answer(o, reply{})
	case opLoad:
		w.reads(theStore)
		if !w.scope.incoherent {
			o.tab.view, o.tab.news = w.record, nil
		}
		w.answer(o, reply{record: o.tab.view})
	case opSwap:
		w.answer(o, reply{err: w.swap(o)})
	case opSend:
		w.writes(theServer)
		w.checkSend(o)
		o.answer, o.answerErr = w.server.refresh(o.refreshToken)
		o.kind = opWait
		w.sort()
	case opWait:
		w.writes(theServer)
		if o.answerErr == nil {
			w.server.answered[o.refreshToken] = answered{o.tab, o.timedOut}
		}
		w.answer(o, reply{answer: o.answer, err: o.answerErr})
	}
}

func (w *world) swap(o *op) error {
	w.reads(theStore)
	stored := w.record
	if w.scope.incoherent {
		stored = o.tab.view
	}
	if o.old != stored.Generation && !w.scope.blindSwaps {
		return onerefresh.ErrConflict
	}
	w.store(o.tab, o.new)
	return nil
}

func (w *world) store(by *tab, r *onerefresh.Record) {
	w.writes(theStore)
	w.checkWrite(w.record, r)
	w.record = r
	for _, t := range w.tabs {
		if t == by {
			t.view = r
		} else {
			t.news = append(t.news, r)
		}
	}
}

// call has somebody ask the tab for a token.
func (w *world) call(t *tab) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &caller{tab: t, cancel: cancel, began: time.Now()}
	if w.scope.rejected && len(w.callers) < w.scope.tabs {
		c.rejected = "a1"
	}
	w.callers = append(w.callers, c)
	go func() {
		ask := t.session.Token
		if c.rejected != "" {
			rejected := c.rejected
			if t.number%2 == 0 {
				rejected = "" // whichever is stored
			}
			ask = func(ctx context.Context) (onerefresh.Token, error) { return t.session.Refresh(ctx, rejected) }
		}
		token, err := ask(ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		c.token, c.err, c.done = token, err, true
		w.checkResult(c)
	}()
}

// resting reports whether every caller has been answered, and all is written
// and released.
func (w *world) resting() bool {
	if len(w.idle) > 0 {
		return false
	}
	for _, c := range w.callers {
		if !c.done && !c.tab.dead {
			return false
		}
	}
	return !slices.ContainsFunc(w.ops, func(o *op) bool { return !o.late })
}

// pass lets time pass until something can happen.
func (w *world) pass() {
	for deadline := time.Now().Add(longestWait); ; {
		select {
		case <-w.arrived:
		case <-time.After(time.Second):
		}
		synctest.Wait()
		w.mu.Lock()
		w.moment++
		w.writes(everything)
		_, any := earliest(w.regular)
		ready := any || w.resting()
		if !ready && !time.Now().Before(deadline) {
			w.violated("nothing happens any more, and a caller waits")
			ready = true
		}
		w.mu.Unlock()
		if ready {
			return
		}
	}
}
