//go:build js && wasm

package main

import (
	"context"
	"time"
)

// lateness is for how long an answer may still come after its time is over.
const lateness = 10 * time.Second

// outlive returns a context that ends a while after ctx, with the same cause.
//
// A tab that was frozen while the token endpoint answered finds, when it wakes
// up, that the time for the answer is over, and the answer not yet delivered.
// To give up at once would throw away the only refresh token that is good.
func outlive(ctx context.Context) (context.Context, func()) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(lateness, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(late, func() { timer.Stop() })
	})
	return late, func() {
		stop()
		cancel(nil)
	}
}
