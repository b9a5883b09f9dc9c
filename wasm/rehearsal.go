//go:build js && wasm

package main

import (
	"context"
	"time"

	"github.com/onerefresh/onerefresh"
)

// idleAfter is when a page that has opened a session is likely to have time for
// a rehearsal.
const idleAfter = time.Second

// rehearse takes a lock that no refresh wants, and loads the record, as a refresh
// does. What runs for the first time the browser has to compile, and that should
// not wait until all tabs wake and one of them has a request to send.
func rehearse(opts *onerefresh.Options) {
	ctx := context.Background()
	if _, unlock, err := opts.Locker.Lock(ctx, opts.Name+"/idle"); err == nil {
		opts.Store.Load(ctx)
		unlock()
	}
}
