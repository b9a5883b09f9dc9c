//go:build js && wasm

package jsbridge_test

import (
	"context"
	"errors"
	"testing"

	"github.com/onerefresh/onerefresh/jsbridge"
)

func TestContext(t *testing.T) {
	for _, c := range []struct{ before, after, reason string }{
		{`c.abort()`, ``, "AbortError"},
		{``, `c.abort()`, "AbortError"},
		{``, `c.abort("text")`, ""},
		{`c.abort(new TypeError("no"))`, `c.abort("again")`, "TypeError"},
	} {
		live := jsbridge.Live()
		controller := eval(t, `((c) => { `+c.before+`; return c; })(new AbortController())`)
		signal, _ := controller.Get("signal")
		ctx, stop := jsbridge.Context(signal)
		if (ctx.Err() != nil) != (c.before != "") {
			t.Errorf("after %q: ctx.Err() = %v", c.before, ctx.Err())
		}
		if _, err := eval(t, `(c) => { `+c.after+` }`).Invoke(controller); err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		var e *jsbridge.Exception
		if !errors.As(context.Cause(ctx), &e) || e.Name != c.reason {
			t.Errorf("the cause is %v, want %s", context.Cause(ctx), c.reason)
		}
		if reason, _ := signal.Get("reason"); e != nil && !reason.Equal(e.Value) {
			t.Error("the cause is not the reason")
		}
		stop()
		stop()
		if n := jsbridge.Live(); n != live {
			t.Errorf("%d callbacks live on", n-live)
		}
	}
	alive(t)
}

func TestContextOfNoSignal(t *testing.T) {
	for _, expression := range []string{
		`undefined`, `null`, `1`, `{}`, `{ aborted: true }`,
		`{ addEventListener: 1 }`,
		`{ addEventListener() { throw new Error("add"); }, aborted: true }`,
		`{ addEventListener() {}, get aborted() { throw new Error("aborted"); }, removeEventListener() { throw new Error("remove"); } }`,
	} {
		live := jsbridge.Live()
		ctx, stop := jsbridge.Context(eval(t, expression))
		if ctx.Err() != nil {
			t.Errorf("%s: the context has ended: %v", expression, context.Cause(ctx))
		}
		stop()
		if ctx.Err() == nil {
			t.Errorf("%s: stop does not end the context", expression)
		}
		if n := jsbridge.Live(); n != live {
			t.Errorf("%s: %d callbacks live on", expression, n-live)
		}
	}
	alive(t)
}

func TestContextStopped(t *testing.T) {
	controller := eval(t, `(() => { const c = new AbortController(); c.listeners = 0;
		const { addEventListener: add, removeEventListener: remove } = c.signal;
		c.signal.addEventListener = function () { c.listeners++; add.apply(this, arguments); };
		c.signal.removeEventListener = function () { c.listeners--; remove.apply(this, arguments); };
		return c; })()`)
	signal, _ := controller.Get("signal")
	ctx, stop := jsbridge.Context(signal)
	if n, _ := controller.Get("listeners"); !n.Equal(jsbridge.ValueOf(1)) {
		t.Error("there is no listener")
	}
	stop()
	if n, _ := controller.Get("listeners"); !n.Equal(jsbridge.ValueOf(0)) {
		t.Error("stop leaves the listener")
	}
	controller.Call("abort")
	if cause := context.Cause(ctx); cause != context.Canceled {
		t.Errorf("the cause is %v", cause)
	}
}

func TestSignal(t *testing.T) {
	reason := eval(t, `new RangeError("reason")`)
	_, thrown := eval(t, `(e) => { throw e; }`).Invoke(reason)
	for _, c := range []struct {
		cause error
		want  string
	}{
		{nil, "AbortError"},
		{errors.New("gone"), "AbortError"},
		{thrown, "RangeError"},
	} {
		for _, early := range []bool{true, false} {
			ctx, cancel := context.WithCancelCause(t.Context())
			if early {
				cancel(c.cause)
			}
			signal, stop := jsbridge.Signal(ctx)
			if aborted, _ := signal.Get("aborted"); !aborted.Equal(jsbridge.ValueOf(early)) {
				t.Errorf("cause %v, early %v: aborted is not", c.cause, early)
			}
			cancel(c.cause)
			eventually(t, "the signal aborts", func() bool {
				aborted, _ := signal.Get("aborted")
				return aborted.Equal(jsbridge.ValueOf(true))
			})
			got, _ := signal.Get("reason")
			if name := text(t, got, "name"); name != c.want {
				t.Errorf("cause %v: the reason is an %s, want %s", c.cause, name, c.want)
			}
			if c.want == "RangeError" && !got.Equal(reason) {
				t.Error("the reason is not what was thrown")
			}
			stop()
			stop()
		}
	}
}

func TestSignalStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	signal, stop := jsbridge.Signal(ctx)
	stop()
	cancel()
	alive(t)
	if aborted, _ := signal.Get("aborted"); !aborted.Equal(jsbridge.ValueOf(false)) {
		t.Error("the signal aborts after stop")
	}
}

func TestSignalThatCannotAbort(t *testing.T) {
	signal, stop := jsbridge.Signal(context.Background())
	defer stop()
	if !signal.IsUndefined() {
		t.Error("the signal of a context that cannot end is not undefined")
	}
	class, err := jsbridge.Global().Get("AbortController")
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{`undefined`, `1`, `class { constructor() { throw new Error("no"); } }`} {
		jsbridge.Global().Set("AbortController", eval(t, broken))
		signal, stop := jsbridge.Signal(t.Context())
		stop()
		jsbridge.Global().Set("AbortController", class)
		if !signal.IsUndefined() {
			t.Errorf("where AbortController is %s, the signal is not undefined", broken)
		}
	}
}

// TestSignalIsOne has the browser judge.
func TestSignalIsOne(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	signal, stop := jsbridge.Signal(ctx)
	defer stop()
	// A request that waits for the signal.
	pending, err := eval(t, `(signal) => new Promise((resolve, reject) =>
		signal.addEventListener("abort", () => reject(signal.reason)))`).Invoke(signal)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	var e *jsbridge.Exception
	if _, err := await(t, pending); !errors.As(err, &e) || e.Name != "AbortError" {
		t.Errorf("error %v, want an AbortError", err)
	}
}
