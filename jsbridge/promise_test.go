//go:build js && wasm

package jsbridge_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

func TestAwait(t *testing.T) {
	for _, c := range []struct{ promise, value, err string }{
		{`Promise.resolve("a")`, `"a"`, ""},
		{`new Promise((resolve) => setTimeout(resolve, 1, "a"))`, `"a"`, ""},
		{`(async () => "a")()`, `"a"`, ""},
		{`"a"`, `"a"`, ""},
		{`null`, `null`, ""},
		{`({ then(f) { f("a"); } })`, `"a"`, ""},
		{`({ then(f, r) { f("a"); f("b"); r("c"); throw new Error("d"); } })`, `"a"`, ""},
		{`Promise.resolve({ then(f) { f({ then(f) { setTimeout(f, 1, "a"); } }); } })`, `"a"`, ""},
		{`new (class extends Promise {})((resolve) => resolve("a"))`, `"a"`, ""},
		{`Object.assign(Promise.resolve("a"), { then() { throw new Error("then"); } })`, `"a"`, ""},
		{`Promise.reject(new TypeError("no"))`, "", "TypeError: no"},
		{`Promise.reject()`, "", "JavaScript exception: undefined"},
		{`({ then() { throw new Error("then"); } })`, "", "Error: then"},
		{`({ get then() { throw new Error("get"); } })`, "", "Error: get"},
		{`Promise.reject({ get message() { throw 1; }, get name() { throw 2; } })`, "", "JavaScript exception"},
		{`Object.defineProperty(Promise.resolve(1), "constructor", { get() { throw new Error("constructor"); } })`, "", "Error: constructor"},
		{`(() => { let n = 0; return Object.defineProperty(Promise.resolve(1), "constructor", { get() {
			if (n++ > 0) throw new Error("second"); return Promise; } }); })()`, "", "Error: second"},
	} {
		live := jsbridge.Live()
		v, err := await(t, eval(t, c.promise))
		if c.err == "" {
			if err != nil || asJSON(t, v) != c.value {
				t.Errorf("%s: error %v", c.promise, err)
			}
		} else if err == nil || err.Error() != c.err || !isException(err) {
			t.Errorf("%s: error %v, want %s", c.promise, err, c.err)
		}
		if n := jsbridge.Live(); n != live {
			t.Errorf("%s: %d callbacks live on", c.promise, n-live)
		}
	}
	alive(t)
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	gone := errors.New("gone")
	for _, when := range []string{"before", "after"} {
		for _, settle := range []string{"resolve", "reject", "never"} {
			live := jsbridge.Live()
			deferred := eval(t, `(() => { const d = {}; d.promise = new Promise((resolve, reject) => Object.assign(d, { resolve, reject })); return d; })()`)
			promise, _ := deferred.Get("promise")
			ctx, cancel := context.WithCancelCause(t.Context())
			if when == "before" {
				cancel(gone)
			} else {
				go cancel(gone)
			}
			if _, err := jsbridge.Await(ctx, promise); err != gone {
				t.Errorf("error %v, want the cause of ctx", err)
			}
			if n := jsbridge.Live(); n != live {
				t.Errorf("%d callbacks live on", n-live)
			}
			if settle != "never" {
				deferred.Call(settle, jsbridge.ValueOf("late"))
			}
			alive(t) // and node has not ended for an unhandled rejection
		}
	}
}

// TestAwaitHandlesRejections is that last point in a page.
func TestAwaitHandlesRejections(t *testing.T) {
	target := jsbridge.Global()
	if v, _ := target.Get("addEventListener"); !v.IsFunction() {
		return // node ends with an unhandled rejection, and so fails the tests above
	}
	unhandled := 0
	listener := jsbridge.FuncOf(func(args []jsbridge.Value) any {
		unhandled++
		args[0].Call("preventDefault")
		return nil
	})
	defer listener.Release()
	target.Call("addEventListener", "unhandledrejection", listener)
	defer target.Call("removeEventListener", "unhandledrejection", listener)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	jsbridge.Await(ctx, eval(t, `new Promise((_, reject) => setTimeout(reject, 1, "late"))`))
	eval(t, `Promise.reject("the control")`)
	eventually(t, "the control is reported", func() bool { return unhandled > 0 })
	await(t, eval(t, `new Promise((resolve) => setTimeout(resolve, 10))`))
	if unhandled != 1 {
		t.Errorf("%d rejections are unhandled, want that of the control only", unhandled)
	}
}

func TestPromise(t *testing.T) {
	for name, c := range map[string]struct {
		run   func() (any, error)
		value string // in JSON
		code  string
	}{
		"a value":         {func() (any, error) { return map[string]any{"a": 1}, nil }, `{"a":1}`, ""},
		"nothing":         {func() (any, error) { return nil, nil }, `null`, ""},
		"later":           {func() (any, error) { runtime.Gosched(); return 1, nil }, `1`, ""},
		"an error":        {func() (any, error) { return 1, errors.New("failure") }, "", "internal"},
		"our error":       {func() (any, error) { return nil, onerefresh.ErrSignedOut }, "", "signed_out"},
		"a panic":         {func() (any, error) { panic("failure") }, "", "internal"},
		"an index":        {func() (any, error) { var list []int; return list[0], nil }, "", "internal"},
		"no return":       {func() (any, error) { runtime.Goexit(); return nil, nil }, "", "internal"},
		"no function":     {nil, "", "internal"},
		"a broken error":  {func() (any, error) { return nil, brokenError{} }, "", "internal"},
		"a later promise": {func() (any, error) { return jsbridge.Promise(func() (any, error) { return 2, nil }), nil }, `2`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			live := jsbridge.Live()
			v, err := await(t, jsbridge.Promise(c.run))
			if c.code == "" {
				if err != nil || asJSON(t, v) != c.value {
					t.Errorf("error %v, want %s", err, c.value)
				}
			} else {
				var e *jsbridge.Exception
				if !errors.As(err, &e) || text(t, e.Value, "code") != c.code {
					t.Errorf("error %v, want the code %s", err, c.code)
				}
			}
			if n := jsbridge.Live(); n != live {
				t.Errorf("%d callbacks live on", n-live)
			}
			alive(t)
		})
	}
}

type brokenError struct{}

func (brokenError) Error() string { panic("broken") }

func TestPromiseTellsOfPanics(t *testing.T) {
	var recovered any
	jsbridge.OnPanic(func(r any) { recovered = r })
	defer jsbridge.OnPanic(nil)
	await(t, jsbridge.Promise(func() (any, error) { panic("failure") }))
	if recovered != "failure" {
		t.Errorf("the hook was told of %v", recovered)
	}
}

func TestManyPromisesLeaveNothing(t *testing.T) {
	live, goroutines := jsbridge.Live(), runtime.NumGoroutine()
	never := eval(t, `new Promise(() => {})`)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 10_000 {
		switch i % 3 {
		case 0:
			if _, err := jsbridge.Await(t.Context(), jsbridge.Promise(func() (any, error) { return i, nil })); err != nil {
				t.Fatal(err)
			}
		case 1:
			if _, err := jsbridge.Await(t.Context(), jsbridge.Promise(func() (any, error) { return nil, errors.New("failure") })); err == nil {
				t.Fatal("no error")
			}
		case 2:
			jsbridge.Await(ended, never)
		}
	}
	if n := jsbridge.Live(); n != live {
		t.Errorf("%d callbacks live on", n-live)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines live on", n-goroutines)
	}
	alive(t)
}

func TestPending(t *testing.T) {
	promise, resolve := jsbridge.Pending()
	settled := eval(t, `(promise) => { const s = { value: "" }; promise.then((value) => { s.value = String(value) }); return s; }`)
	s, err := settled.Invoke(promise)
	if err != nil {
		t.Fatal(err)
	}
	await(t, eval(t, `new Promise((resolve) => setTimeout(resolve, 1))`))
	if v := text(t, s, "value"); v != "" {
		t.Errorf("it was settled early, with %s", v)
	}
	live := jsbridge.Live()
	resolve()
	resolve()
	if v, err := await(t, promise); err != nil || !v.IsUndefined() {
		t.Errorf("it came to %s, error %v", asJSON(t, v), err)
	}
	if n := jsbridge.Live(); n != live {
		t.Errorf("%d callbacks live on", n-live)
	}
	alive(t)
}

func TestAsyncFuncOf(t *testing.T) {
	f := jsbridge.AsyncFuncOf(func(args []jsbridge.Value) (any, error) {
		runtime.Gosched()
		if len(args) == 0 {
			return nil, onerefresh.ErrSignedOut
		}
		return args[len(args)-1], nil
	})
	defer f.Release()
	promise, err := f.Value().Invoke(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := await(t, promise); err != nil || asJSON(t, v) != `"a"` {
		t.Errorf("it came to %s, error %v", asJSON(t, v), err)
	}
	promise, err = f.Value().Invoke()
	if err != nil {
		t.Fatal(err)
	}
	var e *jsbridge.Exception
	if _, err := await(t, promise); !errors.As(err, &e) || text(t, e.Value, "code") != "signed_out" {
		t.Errorf("error %v", err)
	}
}
