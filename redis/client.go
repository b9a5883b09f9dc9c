package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/seal"
	"github.com/onerefresh/onerefresh/locks"
)

// Options say where Redis is, and how a [Client] uses it.
type Options struct {
	// Redis says where it is, and how to log in: at least InitAddress. What
	// concerns caching, reads from replicas and the number of connections is set
	// by Open.
	Redis rueidis.ClientOption

	// Keys seal the records: the first one those that are written, and all of
	// them open what they have sealed. Each has 32 bytes, from a good source of
	// randomness. To change the key, let all processes have the new one as their
	// second, and then as their first; the old one is needed until each session
	// has been refreshed.
	Keys [][]byte

	// Prefix begins the names of all keys in Redis. The default is "onerefresh:".
	Prefix string

	// LockExpiry is after how long without a sign of life a lock is taken from
	// its holder, which gives one three times as often. The default is 10
	// seconds: a machine that is very busy may take some of them to extend a
	// lock.
	LockExpiry time.Duration

	// RecordExpiry is how long a record stays after the last write; then its
	// user is signed out. It should be longer than refresh tokens live. By
	// default, 0, records stay for good, and those of users who have signed out
	// as well.
	RecordExpiry time.Duration

	// Timeout is how long to try to reach Redis before a call fails. The default
	// is 5 seconds.
	Timeout time.Duration
}

// A Client is a process's connection to Redis. Its methods are safe for
// concurrent use.
type Client struct {
	opts  Options
	redis rueidis.Client
	seals seal.Keys
	keys  changes

	queues  *locks.TabLocker // within the process
	holders sync.WaitGroup

	open  context.Context
	close context.CancelFunc
}

// Open connects to Redis. The error is an [onerefresh.Error] with
// [onerefresh.CodeInvalidOptions], or that of the connection.
func Open(opts Options) (*Client, error) {
	for _, d := range []struct {
		name  string
		value *time.Duration
		or    time.Duration
	}{
		{"LockExpiry", &opts.LockExpiry, 10 * time.Second},
		{"RecordExpiry", &opts.RecordExpiry, 0},
		{"Timeout", &opts.Timeout, 5 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.or
		}
		if *d.value != 0 && *d.value < time.Millisecond {
			return nil, invalid(d.name + " is less than a millisecond")
		}
	}
	if opts.Prefix == "" {
		opts.Prefix = "onerefresh:"
	}
	seals, err := seal.New(opts.Keys)
	if err != nil {
		return nil, err
	}
	c := &Client{opts: opts, seals: seals, queues: locks.Process()}
	c.open, c.close = context.WithCancel(context.Background())

	o := opts.Redis
	o.DisableCache = false
	o.ClientTrackingOptions = []string{"OPTOUT"} // what is read, also by a script, is tracked
	o.OnInvalidations = c.keys.invalidated
	o.PipelineMultiplex = -1 // one connection: it is told of what it has read
	o.DisableRetry = false   // all commands may be sent twice
	o.SendToReplicas, o.ReplicaOnly = nil, false
	if o.ConnWriteTimeout == 0 {
		o.ConnWriteTimeout = opts.Timeout // until a connection that stalls is given up
	}
	if c.redis, err = rueidis.NewClient(o); err != nil {
		return nil, err
	}
	return c, nil
}

func invalid(message string) error {
	return &onerefresh.Error{Code: onerefresh.CodeInvalidOptions, Message: message}
}

// Close waits until no lock is held, and disconnects. Close the sessions before:
// what they have begun is then brought to its end.
func (c *Client) Close() {
	c.holders.Wait()
	c.close()
	c.redis.Close()
}

// timeout bounds a command and its repetitions.
func (c *Client) timeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.opts.Timeout)
}

// failure returns what a caller with ctx gets for an error of Redis.
func (c *Client) failure(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("redis: no answer for %v: %w", c.opts.Timeout, err)
	}
	return fmt.Errorf("redis: %w", err)
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
