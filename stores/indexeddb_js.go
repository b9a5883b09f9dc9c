//go:build js && wasm

package stores

import (
	"context"
	"sync"

	"github.com/onerefresh/onerefresh/internal/jsontext"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// A database keeps the newest generation of each key in IndexedDB: database
// "onerefresh", object store "generations". There is one connection for the
// page, opened with the first store. An open connection does not keep the
// page out of the back/forward cache.
type database struct {
	mu   sync.Mutex
	conn *connection // nil, or the one to use; guarded by mu
}

const generationsName = "generations"

// newest returns the generation that was recorded last, or 0.
func (d *database) newest(ctx context.Context, key string) (newest uint64, err error) {
	err = d.transact(ctx, "readonly", func(t *transaction) {
		t.request(func(value jsbridge.Value) { newest = generationOf(value) }, "get", key)
	})
	return newest, err
}

// swap records generation if write returns nil. It calls write at most once, and
// not before ready is closed, unless that takes too long. The requests are made
// together, as each answer takes a trip through the browser: if write returns
// an error, what was put is rolled back. Without commit it does not wait until the
// generation is recorded for good, which is one trip more: no other transaction
// sees what was there before, unless this page dies right now.
func (d *database) swap(ctx context.Context, key string, generation uint64, commit bool, ready <-chan struct{}, write func(newest uint64) error) error {
	return d.transact(ctx, "readwrite", func(t *transaction) {
		var newest uint64
		t.request(func(value jsbridge.Value) { newest = generationOf(value) }, "get", key)
		t.request(func(jsbridge.Value) {
			t.decide(ready, func() error {
				err := write(newest)
				if err == nil && !commit {
					t.settle()
				}
				return err
			})
		}, "put", float64(generation), key)
	})
}

// generationOf returns 0 for what is not a generation.
func generationOf(value jsbridge.Value) uint64 {
	if n, ok := value.Number(); ok && n >= 0 && n <= jsontext.MaxInteger {
		return uint64(n)
	}
	return 0
}

// transact runs a transaction, to which begin makes the first requests, to its
// end. What the function given to decide returns comes back as it is.
func (d *database) transact(ctx context.Context, mode string, begin func(*transaction)) error {
	// A connection may turn out to be gone when it is used, as when the browser
	// has ended the process behind it. Another one may do.
	for last := false; ; last = true {
		conn, err := d.connect(ctx)
		if err != nil {
			return err
		}
		t, err := conn.transaction(mode)
		if err == nil {
			begin(t)
			err = t.end(ctx)
		}
		if !unusable(err) {
			return err
		}
		if silent(err) {
			return err
		}
		d.forget(conn)
		if last || t != nil && t.decided {
			return err
		}
	}
}
