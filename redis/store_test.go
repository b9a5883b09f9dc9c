//go:build !(js && wasm)

package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/redisserver"
	"github.com/onerefresh/onerefresh/redis"
)

func record(generation uint64, refreshToken string) onerefresh.Record {
	return onerefresh.Record{Generation: generation, Epoch: 1, Token: onerefresh.Token{AccessToken: "access-" + refreshToken, RefreshToken: refreshToken}}
}

func write(t *testing.T, s *redis.Store, rec onerefresh.Record) {
	t.Helper()
	if err := s.CompareAndSwap(t.Context(), onerefresh.Record{Generation: rec.Generation - 1}, rec); err != nil {
		t.Fatal(err)
	}
}

func loads(t *testing.T, s *redis.Store, refreshToken string) {
	t.Helper()
	if rec, err := s.Load(t.Context()); err != nil || rec.Token.RefreshToken != refreshToken {
		t.Errorf("loaded %q, error %v, want %q", rec.Token.RefreshToken, err, refreshToken)
	}
}

// unreadable returns an error unless the record is refused, and can be replaced.
func unreadable(t *testing.T, s *redis.Store, generation uint64) {
	t.Helper()
	rec, err := s.Load(t.Context())
	var bad *onerefresh.RecordError
	if !errors.As(err, &bad) || rec.Generation != generation || rec.Token.AccessToken != "" {
		t.Errorf("loaded %+v, error %v", rec, err)
	}
}

func TestRecordsAreSealed(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	c := open(t, options(server.Addr))
	alice, bob := c.Store("alice"), c.Store("bob")
	write(t, alice, record(1, "secret of alice"))
	write(t, bob, record(1, "secret of bob"))
	admin := newConsole(t, server.Addr)
	sealed, err := admin.do("HGETALL", "onerefresh:session:alice").AsStrMap()
	if err != nil || sealed["g"] != "1" || len(sealed) != 2 {
		t.Fatalf("Redis has %q, error %v", sealed, err)
	}
	for _, secret := range []string{"secret", "access", "token"} {
		if strings.Contains(sealed["r"], secret) {
			t.Errorf("Redis shows %q", secret)
		}
	}

	for _, c := range []struct {
		tampering string
		field     string
		value     string
	}{
		{"another session's record", "r", sealed["r"]},
		{"another generation", "g", "7"},
		{"a record that was cut", "r", sealed["r"][:20]},
		{"no record", "r", ""},
	} {
		t.Run(c.tampering, func(t *testing.T) {
			s := open(t, options(server.Addr)).Store("bob")
			before, err := admin.do("HGETALL", "onerefresh:session:bob").AsStrMap()
			if err != nil {
				t.Fatal(err)
			}
			admin.do("HSET", "onerefresh:session:bob", c.field, c.value)
			want := uint64(1)
			if c.field == "g" {
				want = 7
			}
			unreadable(t, s, want)
			admin.do("HSET", "onerefresh:session:bob", "g", before["g"], "r", before["r"])
			loads(t, s, "secret of bob")
		})
	}
}

func TestKeysRotate(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	with := func(names ...string) *redis.Store {
		opts := options(server.Addr)
		opts.Keys = nil
		for _, name := range names {
			opts.Keys = append(opts.Keys, key(name))
		}
		return open(t, opts).Store("alice")
	}
	write(t, with("old"), record(1, "one"))
	unreadable(t, with("new"), 1)
	loads(t, with("new", "old"), "one")
	write(t, with("old", "new"), record(2, "two"))
	unreadable(t, with("new"), 2)
	write(t, with("new", "old"), record(3, "three"))
	loads(t, with("new"), "three")
	unreadable(t, with("old"), 3)
	write(t, with("old"), record(4, "signed in anew"))
	loads(t, with("old"), "signed in anew")
}

func TestRecordsExpire(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	admin := newConsole(t, server.Addr)
	opts := options(server.Addr)
	opts.RecordExpiry = time.Hour
	write(t, open(t, opts).Store("alice"), record(1, "one"))
	if ms := admin.number("PTTL", "onerefresh:session:alice"); ms <= 0 || ms > time.Hour.Milliseconds() {
		t.Errorf("the record expires in %d ms", ms)
	}
	opts.RecordExpiry = 0
	write(t, open(t, opts).Store("alice"), record(2, "two"))
	if ms := admin.number("PTTL", "onerefresh:session:alice"); ms != -1 {
		t.Errorf("the record expires in %d ms", ms)
	}
}

// The connection ends between the write and its answer. To write again must not
// be taken for a conflict with oneself: the answer to an exchange would be
// dropped.
func TestSwapWhoseAnswerIsLostHasSucceeded(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	network := newProxy(t, server.Addr)
	s := open(t, options(network.Addr)).Store("alice")
	write(t, s, record(1, "one"))
	admin := newConsole(t, server.Addr)
	network.deafen()
	swapped := make(chan error, 1)
	go func() { swapped <- s.CompareAndSwap(t.Context(), record(1, ""), record(2, "two")) }()
	eventually(t, "the record is written", func() bool {
		g, _ := admin.do("HGET", "onerefresh:session:alice", "g").ToString()
		return g == "2"
	})
	network.cut()
	network.heal()
	if err := <-swapped; err != nil {
		t.Errorf("error %v", err)
	}
	if err := s.CompareAndSwap(t.Context(), record(1, ""), record(2, "two")); err != onerefresh.ErrConflict {
		t.Errorf("the same record is written twice: %v", err)
	}
}

func TestWatcherIsToldOfWhatHappenedWhileTheConnectionWasGone(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	network := newProxy(t, server.Addr)
	s, peer := open(t, options(network.Addr)).Store("alice"), open(t, options(server.Addr)).Store("alice")
	write(t, peer, record(1, "one"))
	defer s.Watch(func() {})()
	peeks := func(refreshToken string) func() bool {
		return func() bool {
			rec, err := s.Peek()
			return err == nil && rec.Token.RefreshToken == refreshToken
		}
	}
	eventually(t, "the watched record is known", peeks("one"))
	network.stall()
	write(t, peer, record(2, "two"))
	network.cut()
	network.heal()
	eventually(t, "the other record is known", peeks("two"))
	newConsole(t, server.Addr).do("FLUSHALL")
	eventually(t, "it is known that Redis has lost the record", peeks(""))
}
