package redis

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/stores"
)

// A Store is a [onerefresh.Store] of one session, in a hash with two fields: "g"
// is the generation, and "r" the record, sealed. What was sealed under another
// name does not open; whoever can write to Redis can still put an older record
// of the same session in the place of a newer one.
//
// Calls fail if Redis cannot be reached for [Options.Timeout].
type Store struct {
	client *Client
	key    string

	mu       sync.Mutex
	last     onerefresh.Record // guarded by mu, as all that follows
	lastErr  error             // why what is stored cannot be read
	sealed   string            // last, as it is in Redis: no two writes have the same text
	applied  int               // grows when last is set
	watchers map[*watcher]bool
	deaf     func() // ends what the first watcher has begun
	loading  bool
	again    bool // something has changed while loading
}

type watcher struct{ changed func() }

var _ onerefresh.Store = (*Store)(nil)

// Store returns the store of the session of that name, such as the identifier
// of a user's login. Several can be open at a time.
func (c *Client) Store(name string) *Store {
	return &Store{client: c, key: c.opts.Prefix + "session:" + name}
}

// errUnknown is what Peek returns at first. The zero Record would tell that the
// user is signed out, which callers are then told if Redis cannot be reached.
var errUnknown = errors.New("redis: the record has not been loaded yet")

// Peek implements [onerefresh.Store]. It returns what was last loaded or
// written, by whoever as long as somebody watches the store, which a session
// does. Until the first Load or CompareAndSwap it returns an error: to call Load
// before [onerefresh.Open] saves the first caller of a session a lock.
func (s *Store) Peek() (onerefresh.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applied == 0 {
		return onerefresh.Record{}, errUnknown
	}
	return clone(s.last), s.lastErr
}

// Load implements [onerefresh.Store].
func (s *Store) Load(ctx context.Context) (onerefresh.Record, error) {
	s.mu.Lock()
	before := s.applied
	s.mu.Unlock()
	c := s.client
	limited, cancel := c.timeout(ctx)
	defer cancel()
	fields, err := c.redis.Do(limited, c.redis.B().Hmget().Key(s.key).Field("g", "r").Build()).ToArray()
	if err != nil {
		return onerefresh.Record{}, c.failure(ctx, err)
	}
	rec, err := s.read(fields)
	sealed, _ := fields[1].ToString()
	s.apply(rec, err, sealed, before)
	return rec, err
}

// read returns the record of both fields. The error is a
// [*onerefresh.RecordError].
func (s *Store) read(fields []rueidis.RedisMessage) (onerefresh.Record, error) {
	if fields[0].IsNil() && fields[1].IsNil() {
		return onerefresh.Record{}, nil
	}
	text, _ := fields[0].ToString()
	generation, err := strconv.ParseUint(text, 10, 64)
	bad := func(problem string) (onerefresh.Record, error) {
		return onerefresh.Record{Generation: generation}, &onerefresh.RecordError{Where: s.key, Problem: problem}
	}
	if err != nil {
		return bad("the generation is not a number")
	}
	sealed, _ := fields[1].ToString()
	opened, ok := s.client.seals.Open(s.key, sealed)
	if !ok {
		return bad("none of the keys opens it")
	}
	rec, err := stores.Decode(s.key, opened)
	if err != nil {
		return onerefresh.Record{Generation: generation}, err
	}
	if rec.Generation != generation {
		return bad("the generation is not that of the record")
	}
	return rec, nil
}

// apply notes a record for Peek. If another one was noted since the call began,
// it is not known which of them is the later one: that of the higher generation,
// unless Redis has lost data in between. Then the record is loaded once more.
func (s *Store) apply(rec onerefresh.Record, err error, sealed string, before int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applied != before && sealed != s.sealed {
		s.reloadSoon()
		if rec.Generation < s.last.Generation {
			return
		}
	}
	s.last, s.lastErr, s.sealed = clone(rec), err, sealed
	s.applied++
}

// The generation is the fence. If the very same text is there, the script has
// run before, and only its answer was lost: sealing never gives one text twice.
var swapScript = rueidis.NewLuaScriptRetryable(`
local now = redis.call('HMGET', KEYS[1], 'g', 'r')
if now[2] ~= ARGV[3] then
	if (now[1] or '0') ~= ARGV[1] then return 0 end
	redis.call('HSET', KEYS[1], 'g', ARGV[2], 'r', ARGV[3])
end
if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`)

// CompareAndSwap implements [onerefresh.Store]. After any error but
// [onerefresh.ErrConflict] the record may or may not have been replaced.
func (s *Store) CompareAndSwap(ctx context.Context, old, new onerefresh.Record) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	text, err := stores.Encode(new)
	if err != nil {
		return err
	}
	c := s.client
	sealed, err := c.seals.Seal(s.key, text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	before := s.applied
	s.mu.Unlock()
	limited, cancel := c.timeout(ctx)
	defer cancel()
	swapped, err := swapScript.Exec(limited, c.redis, []string{s.key}, []string{
		strconv.FormatUint(old.Generation, 10), strconv.FormatUint(new.Generation, 10), sealed,
		milliseconds(c.opts.RecordExpiry),
	}).AsInt64()
	switch {
	case err != nil:
		return c.failure(ctx, err)
	case swapped == 0:
		return onerefresh.ErrConflict
	}
	s.apply(new, nil, sealed, before)
	s.notify()
	return nil
}

// Watch implements [onerefresh.Store]. The record is loaded when Redis tells
// that it has changed, and when a connection was lost.
func (s *Store) Watch(changed func()) (stop func()) {
	added := &watcher{changed}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.watchers) == 0 {
		s.watchers = make(map[*watcher]bool)
		s.deaf = s.client.keys.listen(s.key, s.changed)
		go s.changed() // Redis tells of what was read
	}
	s.watchers[added] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.watchers[added] {
			if delete(s.watchers, added); len(s.watchers) == 0 {
				s.deaf()
			}
		}
	}
}

func (s *Store) changed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloadSoon()
}

// reloadSoon sees to it that the record is loaded, after whatever has changed.
func (s *Store) reloadSoon() {
	if s.again = s.loading; !s.loading && len(s.watchers) > 0 {
		s.loading = true
		go s.reload()
	}
}

// reload loads the record until nothing has changed meanwhile, or nobody cares.
func (s *Store) reload() {
	for {
		_, err := s.Load(s.client.open)
		_, unreadable := err.(*onerefresh.RecordError)
		unreached := err != nil && !unreadable
		if unreached {
			s.pause()
		} else {
			s.notify()
		}
		s.mu.Lock()
		if !unreached && !s.again || len(s.watchers) == 0 || s.client.open.Err() != nil {
			s.loading, s.again = false, false
			s.mu.Unlock()
			return
		}
		s.again = false
		s.mu.Unlock()
	}
}

// pause waits a moment until Redis is tried again.
func (s *Store) pause() {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.client.open.Done():
	}
}

// notify calls those who have not stopped by then.
func (s *Store) notify() {
	s.mu.Lock()
	var now []*watcher
	for w := range s.watchers {
		now = append(now, w)
	}
	s.mu.Unlock()
	for _, w := range now {
		s.mu.Lock()
		watching := s.watchers[w]
		s.mu.Unlock()
		if watching {
			w.changed()
		}
	}
}

// clone returns rec with maps of its own.
func clone(rec onerefresh.Record) onerefresh.Record {
	rec.Token.Extra = maps.Clone(rec.Token.Extra)
	return rec
}
