package redis

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/onerefresh/onerefresh"
)

// A Locker is a [onerefresh.Locker] among all processes that use the same Redis
// and the same [Options.Prefix]. Its holder gives signs of life; a lock whose
// holder gives none for [Options.LockExpiry] goes to whoever asks next, and its
// holder, if it lives, finds held ended with [onerefresh.ErrLockLost]. Waiters of
// one process are served in the order in which they came, and processes in no
// order.
//
// Lock fails if ctx ends, and if Redis cannot be reached for [Options.Timeout].
type Locker struct{ client *Client }

var _ onerefresh.Locker = (*Locker)(nil)

// Locker returns the locker of c. All sessions can share it.
func (c *Client) Locker() *Locker { return &Locker{c} }

// Shared returns false, although the exclusion reaches everyone who shares the
// store: true would say more, namely that a new holder who finds an attempt on
// record may take its author for gone. A lock that expires does not tell that.
// Its holder may be frozen, or cut off from Redis, while its refresh token is at
// the token endpoint; or Redis has failed over to a replica that knows nothing of
// the lock. To send the refresh token again then is what a strict authorization
// server takes for theft. So the attempt on record counts as a lease that everyone
// respects, whoever has the lock. The lock saves everybody from trying.
func (l *Locker) Shared() bool { return false }

// All scripts may be sent twice, if a connection ends before the answer: what
// they do for a value they do once. Expiries are relative, and so go by the clock
// of Redis. To read a key in a script makes Redis tell when it changes.
var (
	// Returns 0 with the lock taken, else how many milliseconds it will last.
	takeScript = rueidis.NewLuaScriptRetryable(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return math.max(redis.call('PTTL', KEYS[1]), 1) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0`)
	extendScript = rueidis.NewLuaScriptRetryable(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`)
	releaseScript = rueidis.NewLuaScriptRetryable(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`)
)

// Lock implements [onerefresh.Locker]. Any name will do.
func (l *Locker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	c := l.client
	_, leave, err := c.queues.Lock(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	a := &attempt{client: c, key: c.opts.Prefix + "lock:" + name, value: rand.Text(), leave: leave}
	until, err := a.take(ctx)
	if err != nil {
		c.holders.Go(a.release) // it may have been granted, and the answer lost
		return nil, nil, err
	}
	held, end := context.WithCancelCause(context.WithoutCancel(ctx))
	c.holders.Go(func() { a.hold(held, end, until) })
	return held, sync.OnceFunc(func() { end(nil) }), nil
}

// An attempt is one to hold a lock.
type attempt struct {
	client     *Client
	key, value string
	leave      func() // lets the next one of this process try
}

func (a *attempt) exec(ctx context.Context, script *rueidis.Lua) (int64, error) {
	return script.Exec(ctx, a.client.redis, []string{a.key}, []string{a.value, milliseconds(a.client.opts.LockExpiry)}).AsInt64()
}

// take returns until when the lock is held, if nobody extends it.
func (a *attempt) take(ctx context.Context) (until time.Time, err error) {
	changed := make(chan struct{}, 1)
	defer a.client.keys.listen(a.key, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	for {
		begin := time.Now()
		limited, cancel := a.client.timeout(ctx)
		rest, err := a.exec(limited, takeScript)
		cancel()
		if err != nil {
			return time.Time{}, a.client.failure(ctx, err)
		}
		if ctx.Err() != nil {
			return time.Time{}, context.Cause(ctx)
		}
		if rest == 0 {
			return begin.Add(a.client.opts.LockExpiry), nil
		}
		// Redis may be late to notice, and to tell, that a key has expired.
		timer := time.NewTimer(min(time.Duration(rest)*time.Millisecond, a.client.opts.LockExpiry))
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return time.Time{}, context.Cause(ctx)
		}
	}
}

// hold extends the lock until held ends, and ends held when that fails.
func (a *attempt) hold(held context.Context, end context.CancelCauseFunc, until time.Time) {
	defer a.release()
	// Not by hold itself, which may be waiting for Redis.
	lapse := time.AfterFunc(time.Until(until), func() { end(onerefresh.ErrLockLost) })
	defer lapse.Stop()
	pause := a.client.opts.LockExpiry / 3
	for {
		timer := time.NewTimer(pause)
		select {
		case <-held.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		begin := time.Now()
		extended, err := a.exec(held, extendScript)
		switch {
		case err != nil: // held ends when the lock has expired
		case extended == 0:
			end(onerefresh.ErrLockLost)
			return
		default:
			lapse.Reset(time.Until(begin.Add(a.client.opts.LockExpiry)))
		}
	}
}

// release deletes the lock if it is still this one. What cannot be deleted
// expires.
func (a *attempt) release() {
	defer a.leave()
	ctx, cancel := context.WithTimeout(context.Background(), a.client.opts.LockExpiry)
	defer cancel()
	a.exec(ctx, releaseScript)
}
