//go:build js && wasm

package jsbridge

import (
	"context"
	"errors"
	"sync"
)

// Context returns a context that ends when the AbortSignal aborts, and whose
// cause then is the signal's reason, as an [*Exception]. A value that is no
// AbortSignal, such as undefined, never aborts.
//
// stop ends the context too, and takes the listener off the signal. It must be
// called, and may be called more than once.
func Context(signal Value) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	abort := func() {
		reason, _ := signal.Get("reason")
		cancel(exception(reason))
	}
	listener := FuncOf(func([]Value) any {
		abort()
		return nil
	})
	if _, err := signal.Call("addEventListener", "abort", listener); err != nil {
		listener.Release()
		return ctx, func() { cancel(nil) }
	}
	if aborted, err := signal.Get("aborted"); err == nil {
		if aborted, _ := aborted.Bool(); aborted {
			abort()
		}
	}
	return ctx, sync.OnceFunc(func() {
		cancel(nil)
		signal.Call("removeEventListener", "abort", listener)
		listener.Release()
	})
}

// Signal returns an AbortSignal that aborts when ctx ends. The reason is what
// was thrown if the cause is an [*Exception], and otherwise what the engine
// gives for it, an AbortError. Where there is no AbortController, or ctx
// cannot end, the signal is undefined.
//
// stop detaches the signal from ctx. It must be called, and may be called more
// than once.
func Signal(ctx context.Context) (signal Value, stop func()) {
	if ctx.Done() == nil {
		return Undefined(), func() {}
	}
	class, err := Global().Get("AbortController")
	if err != nil {
		return Undefined(), func() {}
	}
	controller, err := class.New()
	if err != nil {
		return Undefined(), func() {}
	}
	signal, err = controller.Get("signal")
	if err != nil {
		return Undefined(), func() {}
	}
	abort := func() {
		if e, ok := errors.AsType[*Exception](context.Cause(ctx)); ok {
			controller.Call("abort", e.Value)
		} else {
			controller.Call("abort")
		}
	}
	if ctx.Err() != nil {
		abort()
		return signal, func() {}
	}
	detach := context.AfterFunc(ctx, abort)
	return signal, func() { detach() }
}
