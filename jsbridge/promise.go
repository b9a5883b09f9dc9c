//go:build js && wasm

package jsbridge

import "context"

// Await returns what the promise, or thenable, or plain value, comes to. If it
// is rejected, the error is an [*Exception]; if ctx ends first, it is
// [context.Cause] of ctx, and whatever the promise comes to is dropped.
//
// It must not be called by a callback, which would wait for itself.
func Await(ctx context.Context, promise Value) (Value, error) {
	type outcome struct {
		value    Value
		rejected bool
	}
	settled := make(chan outcome, 1)
	settle := func(rejected bool) Func {
		return FuncOf(func(args []Value) any {
			o := outcome{rejected: rejected}
			if len(args) > 0 {
				o.value = args[0]
			}
			select {
			case settled <- o:
			default: // a library has replaced Promise, and calls twice
			}
			return nil
		})
	}
	fulfilled, rejected := settle(false), settle(true)
	defer fulfilled.Release()
	defer rejected.Release()

	// Promise.resolve, so that a thenable that calls back at once, or twice, or
	// throws, is the engine's problem.
	p, err := invoke(promiseResolve, promise)
	if err != nil {
		return Value{}, err
	}
	if _, err := invoke(functionCall, promiseThen, p, fulfilled, rejected); err != nil {
		return Value{}, err
	}
	// Not earlier: a promise that somebody else rejects when ctx ends would be
	// reported as an unhandled rejection.
	if ctx.Err() != nil {
		return Value{}, context.Cause(ctx)
	}
	select {
	case o := <-settled:
		if o.rejected {
			return Value{}, exception(o.value)
		}
		return o.value, nil
	case <-ctx.Done():
		return Value{}, context.Cause(ctx)
	}
}

// Pending returns a promise, and the function that fulfils it with undefined,
// which may be called more than once.
func Pending() (promise Value, resolve func()) {
	promise, fulfil, _ := newPromise()
	return promise, func() { fulfil.Invoke() }
}

// newPromise returns a promise and what settles it, all of them undefined if the
// engine refuses.
func newPromise() (promise, resolve, reject Value) {
	executor := FuncOf(func(args []Value) any {
		if len(args) == 2 {
			resolve, reject = args[0], args[1]
		}
		return nil
	})
	defer executor.Release() // the constructor has called it when it returns
	promise, _ = construct(promiseClass, executor)
	return
}

// Promise runs run in a goroutine and returns a Promise of [ValueOf] what it
// returns, or rejected with [ErrorValue] of its error. A panic rejects it as
// well.
func Promise(run func() (any, error)) Value {
	return promise(func([]Value) (any, error) { return run() }, nil)
}

// AsyncFuncOf is [FuncOf] for a function that returns a [Promise], as an async
// function of JavaScript does.
func AsyncFuncOf(run func(args []Value) (any, error)) Func {
	return FuncOf(func(args []Value) any { return promise(run, args) })
}

func promise(run func(args []Value) (any, error), args []Value) Value {
	promise, resolve, reject := newPromise()
	go func() {
		// What holds if run panics, or ends the goroutine.
		settle, value := reject, ErrorValue(errPanic)
		defer func() {
			if recovered := recover(); recovered != nil {
				panicked(recovered)
			}
			settle.Invoke(value)
		}()
		if x, err := run(args); err != nil {
			value = ErrorValue(err)
		} else {
			settle, value = resolve, ValueOf(x)
		}
	}()
	return promise
}
