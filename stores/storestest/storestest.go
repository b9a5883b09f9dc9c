// Package storestest tests implementations of [onerefresh.Store].
package storestest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
)

// Run tests the stores that newPeer returns, which must share one record, at
// first that of an empty store; it may return the same one again. The tests run
// one after the other. They cannot tell what another process sees, nor write
// what cannot be read: that is for the adapter to test.
func Run(t *testing.T, newPeer func() onerefresh.Store) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(&suite{newPeer, 10 * time.Second}); err != nil {
				t.Error(err)
			}
		})
	}
}

var checks = []struct {
	name string
	run  func(*suite) error
}{
	{"an empty store has the zero record", (*suite).emptyAtFirst}, // must be the first
	{"a record comes back as it was", (*suite).roundTrip},
	{"a conflict changes nothing", (*suite).conflict},
	{"the generation alone is compared", (*suite).generationAlone},
	{"Load sees the swaps of peers", (*suite).loadSeesPeers},
	{"concurrent swaps lose nothing", (*suite).nothingLost},
	{"records are copies", (*suite).copies},
	{"watchers are told of swaps", (*suite).watch},
	{"a watcher that stopped is not called", (*suite).stopped},
	{"a watcher can use the store", (*suite).watcherUses},
}

type suite struct {
	newPeer func() onerefresh.Store

	// patience is how long to wait for what must happen.
	patience time.Duration
}

// linger gives others the time to do what they must not do. It orders nothing.
func linger() { time.Sleep(20 * time.Millisecond) }

func (s *suite) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), s.patience)
}

func (s *suite) load(store onerefresh.Store) (onerefresh.Record, error) {
	ctx, cancel := s.context()
	defer cancel()
	rec, err := store.Load(ctx)
	if err != nil {
		return rec, fmt.Errorf("error of Load: %w", err)
	}
	return rec, nil
}

func (s *suite) swap(store onerefresh.Store, old, new onerefresh.Record) error {
	ctx, cancel := s.context()
	defer cancel()
	return store.CompareAndSwap(ctx, old, new)
}

// replace swaps whatever is stored for rec, in the next generation, and returns
// what was written.
func (s *suite) replace(store onerefresh.Store, rec onerefresh.Record) (onerefresh.Record, error) {
	old, err := s.load(store)
	if err != nil {
		return rec, err
	}
	rec.Generation = old.Generation + 1
	if err := s.swap(store, old, rec); err != nil {
		return rec, fmt.Errorf("error of CompareAndSwap: %w", err)
	}
	return rec, nil
}

// stored returns an error if anything but want is stored.
func (s *suite) stored(store onerefresh.Store, want onerefresh.Record) error {
	got, err := s.load(store)
	if err != nil {
		return err
	}
	return same("Load", got, want)
}

// same returns an error that names the first field in which got differs from
// want.
func same(what string, got, want onerefresh.Record) error {
	g, w := got.Token, want.Token
	fields := []struct {
		name      string
		got, want any
	}{
		{"Generation", got.Generation, want.Generation},
		{"Writer", got.Writer, want.Writer},
		{"Epoch", got.Epoch, want.Epoch},
		{"Token.AccessToken", g.AccessToken, w.AccessToken},
		{"Token.TokenType", g.TokenType, w.TokenType},
		{"Token.RefreshToken", g.RefreshToken, w.RefreshToken},
		{"Token.Scope", g.Scope, w.Scope},
		{"Token.IDToken", g.IDToken, w.IDToken},
		{"Token.Received", milliseconds(g.Received), milliseconds(w.Received)},
		{"Token.Expiry", milliseconds(g.Expiry), milliseconds(w.Expiry)},
		{"Attempt.At", milliseconds(got.Attempt.At), milliseconds(want.Attempt.At)},
		{"Attempt.By", got.Attempt.By, want.Attempt.By},
		{"Attempt.Count", got.Attempt.Count, want.Attempt.Count},
		{"Cooldown.At", milliseconds(got.Cooldown.At), milliseconds(want.Cooldown.At)},
		{"Cooldown.For", got.Cooldown.For.Milliseconds(), want.Cooldown.For.Milliseconds()},
		{"Cooldown.Failures", got.Cooldown.Failures, want.Cooldown.Failures},
		{"Cooldown.Code", got.Cooldown.Code, want.Cooldown.Code},
		{"Cooldown.Reason", got.Cooldown.Reason, want.Cooldown.Reason},
		{"Ended", got.Ended, want.Ended},
	}
	for _, f := range fields {
		if f.got != f.want {
			return fmt.Errorf("%s: %s is %#v, want %#v", what, f.name, f.got, f.want)
		}
	}
	if !maps.Equal(g.Extra, w.Extra) {
		return fmt.Errorf("%s: Token.Extra is %q, want %q", what, g.Extra, w.Extra)
	}
	return nil
}

// milliseconds returns what a record keeps of t.
func milliseconds(t time.Time) string {
	if t.IsZero() {
		return "zero"
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

func (s *suite) emptyAtFirst() error {
	store := s.newPeer()
	peeked, err := store.Peek()
	if err != nil {
		return fmt.Errorf("error of Peek: %w", err)
	}
	if err := same("Peek", peeked, onerefresh.Record{}); err != nil {
		return err
	}
	return s.stored(store, onerefresh.Record{})
}

// full is a record that has everything.
var full = onerefresh.Record{
	Writer: "writer",
	Epoch:  1<<53 - 1,
	Token: onerefresh.Token{
		AccessToken:  "access",
		TokenType:    "Bearer",
		RefreshToken: "refresh",
		Scope:        "openid é e\u0301 😀 \u2028",
		IDToken:      "\"quoted\" \\ \x00\x01\x1f\x7f \r\n\t </script>",
		Received:     time.UnixMilli(1700000000001),
		Expiry:       time.UnixMilli(1700003600002),
		Extra: map[string]string{
			"string": `"a \"b\" \\ é 😀"`, "number": `-1.5`, "object": `{"a":[1,null,{"b":{}}]}`,
			"true": `true`, "null": `null`, "": `""`, "a \"b\"": `0`, "__proto__": `{"generation":1}`,
		},
	},
	Attempt:  onerefresh.Attempt{At: time.UnixMilli(1700000000003), By: "peer", Count: 2},
	Cooldown: onerefresh.Cooldown{At: time.UnixMilli(1700000000004), For: 5005 * time.Millisecond, Failures: 3, Code: onerefresh.CodeTemporarilyUnavailable, Reason: "é"},
	Ended:    onerefresh.Ended{Reason: "invalid_grant", Description: "<b>", AnswerLost: true},
}

func (s *suite) roundTrip() error {
	store, peer := s.newPeer(), s.newPeer()
	for _, rec := range []onerefresh.Record{
		full,
		{},
		{Writer: "only"},
		{Token: full.Token},
		{Token: onerefresh.Token{AccessToken: "no expiry", Received: time.UnixMilli(1)}},
		{Attempt: full.Attempt},
		{Attempt: onerefresh.Attempt{Count: 1}},
		{Cooldown: full.Cooldown},
		{Cooldown: onerefresh.Cooldown{For: time.Millisecond}},
		{Ended: full.Ended},
		{Ended: onerefresh.Ended{Reason: "access_denied"}},
		full,
	} {
		written, err := s.replace(store, rec)
		if err != nil {
			return err
		}
		peeked, err := store.Peek()
		if err != nil {
			return fmt.Errorf("error of Peek: %w", err)
		}
		if err := same("Peek after a swap of one's own", peeked, written); err != nil {
			return err
		}
		for _, store := range []onerefresh.Store{store, peer, s.newPeer()} {
			if err := s.stored(store, written); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *suite) conflict() error {
	store, peer := s.newPeer(), s.newPeer()
	old, err := s.replace(store, full)
	if err != nil {
		return err
	}
	current, err := s.replace(peer, onerefresh.Record{Writer: "current"})
	if err != nil {
		return err
	}
	for _, claim := range []onerefresh.Record{{}, old, {Generation: current.Generation + 1}} {
		next := onerefresh.Record{Generation: claim.Generation + 2, Writer: "conflict"}
		for _, store := range []onerefresh.Store{store, peer} {
			if err := s.swap(store, claim, next); err != onerefresh.ErrConflict {
				return fmt.Errorf("CompareAndSwap of generation %d, where %d is stored: error %v, want ErrConflict", claim.Generation, current.Generation, err)
			}
			if err := s.stored(store, current); err != nil {
				return fmt.Errorf("after a conflict: %w", err)
			}
		}
	}
	return nil
}

func (s *suite) generationAlone() error {
	store := s.newPeer()
	old, err := s.replace(store, full)
	if err != nil {
		return err
	}
	next := onerefresh.Record{Generation: old.Generation + 10, Writer: "next"}
	if err := s.swap(store, onerefresh.Record{Generation: old.Generation}, next); err != nil {
		return err
	}
	return s.stored(store, next)
}

func (s *suite) loadSeesPeers() error {
	peers := []onerefresh.Store{s.newPeer(), s.newPeer(), s.newPeer()}
	rec, err := s.load(peers[0])
	for i := 0; i < 100 && err == nil; i++ {
		next := onerefresh.Record{Generation: rec.Generation + 1, Writer: strconv.Itoa(i)}
		if err = s.swap(peers[i%3], rec, next); err == nil {
			err = s.stored(peers[(i+1)%3], next)
		}
		rec = next
	}
	return err
}

func (s *suite) nothingLost() error {
	const peers, goroutines, increments = 3, 3, 10
	first, err := s.replace(s.newPeer(), onerefresh.Record{Writer: "0"})
	if err != nil {
		return err
	}
	var (
		wg      sync.WaitGroup
		failure = make(chan error, peers*goroutines)
	)
	for range peers {
		store := s.newPeer()
		stop := store.Watch(func() { store.Peek() })
		defer stop()
		for range goroutines {
			wg.Go(func() {
				for range increments {
					if err := s.increment(store); err != nil {
						failure <- err
						return
					}
				}
			})
		}
	}
	wg.Wait()
	select {
	case err := <-failure:
		return err
	default:
	}
	const n = peers * goroutines * increments
	return s.stored(s.newPeer(), onerefresh.Record{Generation: first.Generation + n, Writer: strconv.Itoa(n)})
}

// increment adds 1 to the number that the Writer of the stored record is.
func (s *suite) increment(store onerefresh.Store) error {
	for {
		rec, err := s.load(store)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(rec.Writer)
		if err != nil {
			return err
		}
		next := onerefresh.Record{Generation: rec.Generation + 1, Writer: strconv.Itoa(n + 1)}
		if err := s.swap(store, rec, next); err != onerefresh.ErrConflict {
			return err
		}
	}
}

func (s *suite) copies() error {
	store := s.newPeer()
	rec := full
	rec.Token.Extra = map[string]string{"a": "1"}
	written, err := s.replace(store, rec)
	if err != nil {
		return err
	}
	peeked, err := store.Peek()
	if err != nil {
		return fmt.Errorf("error of Peek: %w", err)
	}
	loaded, err := s.load(store)
	if err != nil {
		return err
	}
	want := written
	want.Token.Extra = map[string]string{"a": "1"}
	for _, rec := range []onerefresh.Record{written, peeked, loaded} {
		rec.Token.Extra["a"] = "2"
		if err := s.stored(store, want); err != nil {
			return fmt.Errorf("after a caller changed a map: %w", err)
		}
	}
	return nil
}

func (s *suite) watch() error {
	store, peer := s.newPeer(), s.newPeer()
	for _, writer := range []onerefresh.Store{store, peer} {
		if err := s.told(store, writer); err != nil {
			return err
		}
	}
	return nil
}

// told returns an error unless a watcher of store is told of a swap by writer,
// and finds it.
func (s *suite) told(store, writer onerefresh.Store) error {
	var seen atomic.Uint64
	changed := make(chan struct{}, 1)
	defer store.Watch(func() {
		if peeked, err := store.Peek(); err == nil {
			seen.Store(peeked.Generation)
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	written, err := s.replace(writer, full)
	if err != nil {
		return err
	}
	for deadline := time.After(s.patience); seen.Load() < written.Generation; {
		select {
		case <-changed:
		case <-deadline:
			return errors.New("a watcher is not told of a swap, or does not find it")
		}
	}
	return nil
}

func (s *suite) stopped() error {
	store := s.newPeer()
	var calls atomic.Int64
	for range 3 {
		stop := store.Watch(func() { calls.Add(1) })
		stop()
		stop()
	}
	if err := s.watch(); err != nil {
		return err
	}
	linger()
	if n := calls.Load(); n != 0 {
		return fmt.Errorf("watchers that stopped were called %d times", n)
	}
	return nil
}

func (s *suite) watcherUses() error {
	store := s.newPeer()
	done := make(chan struct{})
	var (
		once  sync.Once
		ready = make(chan struct{})
		stop  func()
	)
	stop = store.Watch(func() {
		once.Do(func() {
			<-ready
			store.Peek()
			store.Watch(func() {})()
			stop()
			close(done)
		})
	})
	close(ready)
	swapped := make(chan error, 1)
	go func() {
		_, err := s.replace(store, full)
		swapped <- err
	}()
	select {
	case <-done:
		return <-swapped
	case <-time.After(s.patience):
		return errors.New("a watcher that calls Peek, Watch and stop does not return")
	}
}
