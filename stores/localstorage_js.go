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

	format  Format // nil where the text is that of Encode
	noteKey string // with a format

	mu    sync.Mutex
	last  *sight // nil before the first look; guarded by mu
	good  *sight // the last one with a format that was ours, or nil; guarded by mu
	known uint64 // the newest generation that was seen; guarded by mu
	vain  wait   // guarded by mu
}

// A wait is one for localStorage to catch up.
type wait struct {
	newest  uint64
	text    string
	present bool
}

func openLocalStorage(key string, format Format) (*localStorage, error) {
	storage, err := jsbridge.Global().Get("localStorage")
	switch {
	case err != nil:
		return nil, err
	case !storage.IsObject(): // null in a WebView that has it turned off
		return nil, errors.ErrUnsupported
	}
	s := &localStorage{key: key, storage: storage, format: format}
	if format == nil {
		s.watchers = watchersOf(key)
	} else {
		s.noteKey = "onerefresh/" + key
		s.watchers = watchersOf(key, s.noteKey)
	}
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

func (s *localStorage) peek() (*onerefresh.Record, error) {
	v, err := s.look()
	if err != nil {
		return new(onerefresh.Record), err
	}
	return copyOf(&v.rec), v.err
}

// item returns what the page's copy has at key.
func (s *localStorage) item(key string) (text string, present bool, err error) {
	item, err := s.storage.Call("getItem", key)
	if err != nil {
		return "", false, err
	}
	text, present = item.Text()
	return text, present, nil
}

// setItem stores text, or removes what is there if text is empty.
func (s *localStorage) setItem(key, text string) (err error) {
	if text == "" {
		_, err = s.storage.Call("removeItem", key)
	} else {
		_, err = s.storage.Call("setItem", key, text)
	}
	return err
}

// look returns what there is to see. The error is that of the browser.
func (s *localStorage) look() (*sight, error) {
	text, present, err := s.item(s.key)
	var beside string
	if err == nil && s.format != nil {
		beside, _, err = s.item(s.noteKey)
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	last, good := s.last, s.good
	s.mu.Unlock()
	// A format that has failed may not do so again.
	if last != nil && (last.err == nil || s.format == nil) && text == last.text && present == last.present && beside == last.beside {
		return last, nil
	}
	v := &sight{}
	generation := uint64(0)
	switch {
	case s.format != nil:
		v = see(s.key, s.format, text, present, beside) // calls functions of the page
		generation = v.note.rec.Generation
		if v.putBack && good != nil && good.beside == beside && s.setItem(s.key, good.text) == nil {
			v = good // as it was when the note was written
			go s.watchers.notify()
		}
	case present:
		v.text, v.present = text, true
		v.err = decode(s.key, text, &v.rec)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.format != nil && v.ours() {
		s.good = v
	}
	s.known = max(s.known, generation, v.rec.Generation)
	v.known = s.known
	s.last = v
	return v, nil
}

func (s *localStorage) decode(text string) (onerefresh.Record, error) {
	if s.format == nil {
		return Decode(s.key, text)
	}
	token, err := s.format.Read(text)
	return onerefresh.Record{Token: token}, err
}

func (s *localStorage) load(ctx context.Context) (*onerefresh.Record, error) {
	rec := new(onerefresh.Record)
	newest, err := page.generations.newest(ctx, s.key)
	if err != nil {
		return rec, err
	}
	v, err := s.catchUp(ctx, newest)
	if err != nil {
		return rec, err
	}
	generation := v.generation(newest)
	switch {
	case v.err != nil:
		err = v.err
	case v.ours() && v.rec.Generation < newest:
		err = &onerefresh.RecordError{
			Where: s.key, Field: "generation", Problem: "older than the newest one, which the browser has lost",
		}
	default:
		rec = copyOf(&v.rec)
	}
	rec.Generation = generation
	return rec, err
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
func (s *localStorage) catchUp(ctx context.Context, newest uint64) (*sight, error) {
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
		over, stop := after(pause)
		select {
		case <-news:
		case <-over:
			polls++
		case <-ctx.Done():
			stop()
			return nil, context.Cause(ctx)
		}
		stop()
		if v, err = s.look(); err != nil || v.shows(newest) {
			return v, err
		}
		limit := patience
		if (!v.present || v.noted && v.beside == "") && (v.known == 0 || v.known >= newest) {
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

func (s *localStorage) waitedInVain(newest uint64, v *sight) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vain == wait{newest, v.text, v.present}
}

// afterwards is how long those in this page who watch wait to hear of an attempt:
// they have nothing to do, and the request is to be sent.
const afterwards = 20 * time.Millisecond

func (s *localStorage) compareAndSwap(ctx context.Context, old, new *onerefresh.Record) error {
	text, err := encode(new)
	if err != nil {
		return err
	}
	// The refresh token of an attempt is that of the record before, and nothing is
	// lost with a page that dies before its swap is committed. Anything else must
	// be there when the lock is released.
	attempt := new.Attempt.Count > 0
	err = page.generations.swap(ctx, s.key, new.Generation, !attempt, func(newest uint64) error {
		v, err := s.look()
		if err != nil {
			return err
		}
		if v.generation(newest) != old.Generation {
			return onerefresh.ErrConflict
		}
		if s.format == nil {
			err = s.setItem(s.key, text)
		} else {
			err = s.write(v, new)
		}
		if err == nil {
			tell := func() { // the browser tells other pages alone
				s.watchers.notify()
				announce(s.key)
			}
			if attempt {
				time.AfterFunc(afterwards, tell)
			} else {
				go tell()
			}
		}
		return err
	})
	return err
}
