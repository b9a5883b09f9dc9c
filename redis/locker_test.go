//go:build !(js && wasm)

package redis_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/redisserver"
)

// The lock lasts longer than anybody waits here: only word from Redis, and not
// its expiry, can let the waiter in.
func TestWaitersAreWokenAndDoNotPoll(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	opts := options(server.Addr)
	opts.LockExpiry = time.Hour
	holder, waiter := open(t, opts), open(t, opts)
	_, unlock, err := holder.Locker().Lock(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	granted := make(chan func(), 1)
	go func() {
		_, unlock, err := waiter.Locker().Lock(t.Context(), "alice")
		if err != nil {
			t.Error(err)
			close(granted)
			return
		}
		granted <- unlock
	}()
	admin := newConsole(t, server.Addr)
	asked := func() int { return admin.calls("evalsha") + admin.calls("eval") }
	eventually(t, "the waiter asks Redis", func() bool { return admin.calls("pttl") > 0 })
	before := asked()
	time.Sleep(300 * time.Millisecond)
	if n := asked() - before; n > 1 { // EVAL, after an EVALSHA that was not known
		t.Errorf("the waiter asked %d times in 300 ms", n)
	}
	unlock()
	select {
	case unlock := <-granted:
		if unlock != nil {
			unlock()
		}
	case <-time.After(patience):
		t.Error("the waiter was not woken")
	}
}

func TestHolderThatCannotReachRedisLosesTheLock(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	network := newProxy(t, server.Addr)
	opts := options(network.Addr)
	opts.LockExpiry = 300 * time.Millisecond
	far := open(t, opts)
	opts.Redis.InitAddress = []string{server.Addr}
	near := open(t, opts)

	held, unlock, err := far.Locker().Lock(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := near.Locker().Lock(short, "alice"); err != context.DeadlineExceeded {
		t.Errorf("error %v for a lock that is held, and extended", err)
	}
	network.stall()
	_, free, err := near.Locker().Lock(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-held.Done():
	case <-time.After(patience):
		t.Fatal("held goes on")
	}
	if cause := context.Cause(held); cause != onerefresh.ErrLockLost {
		t.Errorf("held ends with %v", cause)
	}
	network.heal()
	unlock() // not the lock of the other
	if _, _, err := open(t, opts).Locker().Lock(contextFor(t, 500*time.Millisecond), "alice"); err != context.DeadlineExceeded {
		t.Errorf("error %v for the lock that the other holds", err)
	}
	free()
}

func contextFor(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestLockIsLostWhenRedisForgetsIt(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	opts := options(server.Addr)
	opts.LockExpiry = 300 * time.Millisecond
	held, unlock, err := open(t, opts).Locker().Lock(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	newConsole(t, server.Addr).do("FLUSHALL")
	select {
	case <-held.Done():
	case <-time.After(patience):
		t.Fatal("held goes on")
	}
	if cause := context.Cause(held); cause != onerefresh.ErrLockLost {
		t.Errorf("held ends with %v", cause)
	}
}

func TestLockFailsInTimeWhereRedisCannotBeReached(t *testing.T) {
	server := startRedis(t, redisserver.Nothing)
	network := newProxy(t, server.Addr)
	opts := options(network.Addr)
	opts.Timeout = 200 * time.Millisecond
	c := open(t, opts)
	network.stall()
	begin := time.Now()
	_, _, err := c.Locker().Lock(t.Context(), "alice")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	network.heal()
	_, unlock, err := c.Locker().Lock(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
