//go:build !(js && wasm)

package redis_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/redisserver"
	"github.com/onerefresh/onerefresh/locks/lockstest"
	"github.com/onerefresh/onerefresh/redis"
	"github.com/onerefresh/onerefresh/stores/storestest"
)

// patience is how long to wait for what must happen.
const patience = 30 * time.Second

func startRedis(t *testing.T, keeps redisserver.Persistence) *redisserver.Server {
	t.Helper()
	s, err := redisserver.Start(t.TempDir(), keeps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// key returns one of the keys that seal.
func key(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

func options(addr string) redis.Options {
	return redis.Options{Redis: rueidis.ClientOption{InitAddress: []string{addr}}, Keys: [][]byte{key("first")}}
}

func open(t *testing.T, opts redis.Options) *redis.Client {
	t.Helper()
	c, err := redis.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// A console gives commands to Redis, as whoever can reach it can.
type console struct {
	t *testing.T
	rueidis.Client
}

func newConsole(t *testing.T, addr string) console {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return console{t, c}
}

func (c console) do(command ...string) rueidis.RedisResult {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	result := c.Do(ctx, c.B().Arbitrary(command...).Build())
	if err := result.Error(); err != nil && !rueidis.IsRedisNil(err) {
		c.t.Fatalf("%v: %v", command, err)
	}
	return result
}

func (c console) number(command ...string) int64 {
	c.t.Helper()
	n, err := c.do(command...).AsInt64()
	if err != nil {
		c.t.Fatalf("%v: %v", command, err)
	}
	return n
}

// calls returns how often a command was executed.
func (c console) calls(command string) int {
	c.t.Helper()
	text, err := c.do("INFO", "commandstats").ToString()
	if err != nil {
		c.t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "cmdstat_"+command+":calls="); ok {
			rest, _, _ = strings.Cut(rest, ",")
			n, _ := strconv.Atoi(rest)
			return n
		}
	}
	return 0
}

// among returns what deals out clients in turn.
func among(clients ...*redis.Client) func() *redis.Client {
	var n atomic.Int64
	return func() *redis.Client { return clients[int(n.Add(1))%len(clients)] }
}

func TestConformance(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	one := open(t, options(server.Addr))
	several := among(one, open(t, options(server.Addr)), open(t, options(server.Addr)))
	t.Run("lock", func(t *testing.T) {
		lockstest.Run(t, func() onerefresh.Locker { return several().Locker() })
	})
	t.Run("lock in one process", func(t *testing.T) {
		lockstest.Run(t, func() onerefresh.Locker { return one.Locker() })
	})
	loaded := func(s *redis.Store) onerefresh.Store { // Peek knows nothing before
		if _, err := s.Load(t.Context()); err != nil {
			t.Error(err)
		}
		return s
	}
	t.Run("store", func(t *testing.T) {
		storestest.Run(t, func() onerefresh.Store { return loaded(several().Store("alice")) })
	})
	t.Run("store in one process", func(t *testing.T) {
		storestest.Run(t, func() onerefresh.Store { return loaded(one.Store("bob")) })
	})
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, change := range map[string]func(*redis.Options){
		"no keys":         func(o *redis.Options) { o.Keys = nil },
		"a short key":     func(o *redis.Options) { o.Keys = [][]byte{key("first"), make([]byte, 16)} },
		"no lock":         func(o *redis.Options) { o.LockExpiry = time.Microsecond },
		"expired records": func(o *redis.Options) { o.RecordExpiry = -1 },
		"no patience":     func(o *redis.Options) { o.Timeout = -time.Second },
	} {
		opts := options("127.0.0.1:1")
		change(&opts)
		if _, err := redis.Open(opts); !errors.Is(err, onerefresh.ErrInvalidOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
