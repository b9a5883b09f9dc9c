//go:build js && wasm

package stores

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// A localStorage is one key of the page's localStorage.
type localStorage struct {
	key      string
	storage  jsbridge.Value
	watchers *watchers // of all stores of key in this page

	mu    sync.Mutex
	last  sight  // guarded by mu
	known uint64 // the newest generation that was seen; guarded by mu
	vain  wait   // guarded by mu
}

// A sight is what the page's copy of localStorage shows.
type sight struct {
	text    string
	present bool
	rec     onerefresh.Record // as decoded from text; its generation is 0 if other code wrote it
	err     error             // or why it cannot be
	known   uint64            // the newest generation that was seen so far
}

// A wait is one for localStorage to catch up.
type wait struct {
	newest  uint64
	text    string
	present bool
}

func openLocalStorage(key string) (*localStorage, error) {
	storage, err := jsbridge.Global().Get("localStorage")
	switch {
	case err != nil:
		return nil, err
	case !storage.IsObject(): // null in a WebView that has it turned off
		return nil, errors.ErrUnsupported
	}
	s := &localStorage{key: key, storage: storage, watchers: watchersOf(key)}
	if _, err := s.look(); err != nil {
		return nil, err
	}
	// To open the database takes longer than to use it, and should not be left
	// to whoever is the first to hold the lock.
	go page.generations.database.connect(context.Background())
	return s, nil
}

func (s *localStorage) coherent() bool { return page.generations.coherent() }

func (s *localStorage) watch(changed func()) (stop func()) { return s.watchers.add(changed) }

func (s *localStorage) peek() (onerefresh.Record, error) {
	v, err := s.look()
	if err != nil {
		return onerefresh.Record{}, err
	}
	return clone(v.rec), v.err
}

// look returns what there is to see. The error is that of the browser.
func (s *localStorage) look() (sight, error) {
	item, err := s.storage.Call("getItem", s.key)
	if err != nil {
		return sight{}, err
	}
	text, present := item.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if text != s.last.text || present != s.last.present {
		s.last = sight{text: text, present: present}
		if present {
			s.last.rec, s.last.err = Decode(s.key, text)
		}
		s.known = max(s.known, s.last.rec.Generation)
		s.last.known = s.known
	}
	return s.last, nil
}

// ours reports whether this package wrote what is seen.
func (v sight) ours() bool { return v.err == nil && v.rec.Generation > 0 }

// generation returns the generation of what is seen, given the newest one that
// was recorded. What other code did, be it to write or to remove, is a swap
// that it did not record.
func (v sight) generation(newest uint64) uint64 {
	if v.ours() {
		return max(v.rec.Generation, newest)
	}
	newest = max(v.known, newest)
	if !v.present && newest == 0 {
		return 0
	}
	return newest + 1
}

func (s *localStorage) load(ctx context.Context) (onerefresh.Record, error) {
	newest, err := page.generations.newest(ctx, s.key)
	if err != nil {
		return onerefresh.Record{}, err
	}
	v, err := s.catchUp(ctx, newest)
	if err != nil {
		return onerefresh.Record{}, err
	}
	generation := v.generation(newest)
	switch {
	case v.err != nil:
		return onerefresh.Record{Generation: generation}, v.err
	case v.ours() && v.rec.Generation < newest:
		return onerefresh.Record{Generation: generation}, &onerefresh.RecordError{
			Where: s.key, Field: "generation", Problem: "older than the newest one, which the browser has lost",
		}
	}
	rec := clone(v.rec)
	rec.Generation = generation
	return rec, nil
}

// How long localStorage may take to show a write by another process. 1 ms is
// usual. To take a record for removed too early does less harm than to take an
// old one for the newest, unless the newest was never seen here: then somebody
// may have signed in since it was removed.
const (
	patience        = 3 * time.Second
	removedPatience = 500 * time.Millisecond
)

// catchUp waits until localStorage shows the generation newest, or a later
// one, and returns what it shows when that is so or patience has ended.
func (s *localStorage) catchUp(ctx context.Context, newest uint64) (sight, error) {
	v, err := s.look()
	if err != nil || v.shows(newest) || s.waitedInVain(newest, v) {
		return v, err
	}
	news := make(chan struct{}, 1)
	// Timers alone would do, if they did not run once a second in a hidden tab.
	defer listen("storage", func() {
		select {
		case news <- struct{}{}:
		default:
		}
	})()
	begin := time.Now()
	for polls, pause := 0, time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		timer := time.NewTimer(pause)
		select {
		case <-news:
		case <-timer.C:
			polls++
		case <-ctx.Done():
			timer.Stop()
			return sight{}, context.Cause(ctx)
		}
		timer.Stop()
		if v, err = s.look(); err != nil || v.shows(newest) {
			return v, err
		}
		limit := patience
		if !v.present && (v.known == 0 || v.known >= newest) {
			limit = removedPatience
		}
		// A tab that was frozen finds its time over when it wakes up, and the
		// news not yet delivered.
		if time.Since(begin) > limit && polls >= 3 {
			s.mu.Lock()
			s.vain = wait{newest, v.text, v.present}
			s.mu.Unlock()
			return v, nil
		}
	}
}

// shows reports whether v is what was written in the generation newest or
// later.
func (v sight) shows(newest uint64) bool {
	return newest == 0 || v.ours() && v.rec.Generation >= newest
}

func (s *localStorage) waitedInVain(newest uint64, v sight) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vain == wait{newest, v.text, v.present}
}

func (s *localStorage) compareAndSwap(ctx context.Context, old, new onerefresh.Record) error {
	text, err := Encode(new)
	if err != nil {
		return err
	}
	err = page.generations.swap(ctx, s.key, new.Generation, func(newest uint64) error {
		v, err := s.look()
		if err != nil {
			return err
		}
		if v.generation(newest) != old.Generation {
			return onerefresh.ErrConflict
		}
		_, err = s.storage.Call("setItem", s.key, text)
		if err == nil {
			go s.watchers.notify() // the browser tells other pages alone
		}
		return err
	})
	return err
}
