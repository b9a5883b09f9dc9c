package storestest

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
)

// TestChecksFail shows that each check can fail, and that all pass where there
// is nothing wrong.
func TestChecksFail(t *testing.T) {
	for _, c := range []struct {
		defect string
		peer   peer
		fails  []string
	}{
		{"none", peer{}, nil},
		{"it is not empty", peer{first: onerefresh.Record{Generation: 1}},
			[]string{"an empty store has the zero record"}},
		{"it forgets Extra", peer{keep: func(r *onerefresh.Record) { r.Token.Extra = nil }},
			[]string{"a record comes back as it was"}},
		{"it keeps seconds", peer{keep: func(r *onerefresh.Record) { r.Token.Expiry = r.Token.Expiry.Truncate(time.Second) }},
			[]string{"a record comes back as it was"}},
		{"it makes zero times 1970", peer{keep: func(r *onerefresh.Record) {
			if r.Attempt.At.IsZero() {
				r.Attempt.At = time.UnixMilli(0)
			}
		}}, []string{"a record comes back as it was"}},
		{"it forgets that the answer was lost", peer{keep: func(r *onerefresh.Record) { r.Ended.AnswerLost = false }},
			[]string{"a record comes back as it was"}},
		{"Peek is late for one's own swap", peer{latePeek: true},
			[]string{"a record comes back as it was"}},
		{"it compares nothing", peer{blind: true},
			[]string{"a conflict changes nothing"}},
		{"it has a lower bound only", peer{atLeast: true},
			[]string{"a conflict changes nothing"}},
		{"it writes what conflicts", peer{writesConflicts: true},
			[]string{"a conflict changes nothing"}},
		{"it compares the writers", peer{comparesWriters: true},
			[]string{"the generation alone is compared"}},
		{"Load is late for a peer's swap", peer{lateLoad: true},
			[]string{"Load sees the swaps of peers"}},
		{"it compares and swaps in two steps", peer{twoSteps: true},
			[]string{"concurrent swaps lose nothing"}},
		{"it keeps the map it is given", peer{keepsMap: true},
			[]string{"records are copies"}},
		{"it hands out its map", peer{handsOutMap: true},
			[]string{"records are copies"}},
		{"it tells nobody", peer{mute: true},
			[]string{"watchers are told of swaps"}},
		{"it tells of one's own swaps only", peer{tellsOwn: true},
			[]string{"watchers are told of swaps"}},
		{"it tells too early", peer{tellsEarly: true},
			[]string{"watchers are told of swaps"}},
		{"it tells those who stopped", peer{tellsStopped: true},
			[]string{"a watcher that stopped is not called"}},
		{"it is locked while it tells", peer{tellsLocked: true},
			[]string{"a watcher can use the store"}},
	} {
		t.Run(c.defect, func(t *testing.T) {
			t.Parallel()
			patience := 10 * time.Second
			if c.fails != nil {
				patience = 200 * time.Millisecond
			}
			for _, check := range checks {
				fails := slices.Contains(c.fails, check.name)
				if !fails && c.fails != nil {
					continue
				}
				shared := &shared{rec: c.peer.first}
				newPeer := func() onerefresh.Store {
					p := c.peer
					p.shared = shared
					return &p
				}
				if err := check.run(&suite{newPeer, patience}); fails != (err != nil) {
					t.Errorf("%s: %v", check.name, err)
				}
			}
		})
	}
}

func TestRun(t *testing.T) {
	shared := new(shared)
	Run(t, func() onerefresh.Store { return &peer{shared: shared} })
}

// A peer is a store with defects.
type peer struct {
	*shared
	first onerefresh.Record
	keep  func(*onerefresh.Record)

	latePeek, lateLoad                                    bool
	blind, atLeast, writesConflicts, comparesWriters      bool
	twoSteps                                              bool
	keepsMap, handsOutMap                                 bool
	mute, tellsOwn, tellsEarly, tellsStopped, tellsLocked bool
}

// shared is what all peers see.
type shared struct {
	mu       sync.Mutex
	rec      onerefresh.Record
	before   onerefresh.Record
	writer   *peer // of rec
	watchers []*watcher
}

type watcher struct {
	of      *peer
	changed func()
	stopped bool
}

func (p *peer) Peek() (onerefresh.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.latePeek {
		return p.copy(p.before, p.handsOutMap), nil
	}
	return p.copy(p.rec, p.handsOutMap), nil
}

func (p *peer) Load(context.Context) (onerefresh.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lateLoad && p.writer != p {
		return p.copy(p.before, p.handsOutMap), nil
	}
	return p.copy(p.rec, p.handsOutMap), nil
}

func (p *peer) copy(rec onerefresh.Record, shallow bool) onerefresh.Record {
	if !shallow {
		rec.Token.Extra = maps.Clone(rec.Token.Extra)
	}
	return rec
}

func (p *peer) matches(old onerefresh.Record) bool {
	switch {
	case p.blind:
		return true
	case p.atLeast:
		return old.Generation >= p.rec.Generation
	}
	return old.Generation == p.rec.Generation && (!p.comparesWriters || old.Writer == p.rec.Writer)
}

func (p *peer) CompareAndSwap(_ context.Context, old, new onerefresh.Record) error {
	if p.tellsEarly {
		p.tell()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.matches(old) {
		if p.writesConflicts {
			p.rec = new
		}
		return onerefresh.ErrConflict
	}
	if p.twoSteps {
		p.mu.Unlock()
		for range 10 {
			runtime.Gosched()
		}
		p.mu.Lock()
	}
	p.before, p.writer = p.rec, p
	p.rec = p.copy(new, p.keepsMap)
	if p.keep != nil {
		p.keep(&p.rec)
	}
	if p.tellsEarly {
		return nil
	}
	if !p.tellsLocked {
		p.mu.Unlock()
		defer p.mu.Lock()
	}
	p.tell()
	return nil
}

func (p *peer) tell() {
	if !p.tellsLocked {
		p.mu.Lock()
	}
	var told []func()
	for _, w := range p.watchers {
		if !p.mute && (!w.stopped || p.tellsStopped) && (!p.tellsOwn || w.of == p) {
			told = append(told, w.changed)
		}
	}
	if !p.tellsLocked {
		p.mu.Unlock()
	}
	for _, changed := range told {
		changed()
	}
}

func (p *peer) Watch(changed func()) (stop func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := &watcher{of: p, changed: changed}
	p.watchers = append(p.watchers, w)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		w.stopped = true
	}
}
