//go:build js && wasm

package jsbridge_test

import (
	"errors"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/jsbridge"
)

func TestFunc(t *testing.T) {
	var got []jsbridge.Value
	f := jsbridge.FuncOf(func(args []jsbridge.Value) any {
		got = args
		return map[string]any{"n": len(args)}
	})
	defer f.Release()
	for _, want := range []string{`[]`, `["a"]`, `["a",null,{"b":1}]`} {
		v, err := eval(t, `(f, args) => f(...args)`).Invoke(f, eval(t, want))
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := v.Get("n"); !n.Equal(jsbridge.ValueOf(len(got))) {
			t.Errorf("%s: the result does not arrive", want)
		}
		args := make([]any, len(got))
		for i, arg := range got {
			args[i] = arg
		}
		if got := asJSON(t, jsbridge.ValueOf(args)); got != want {
			t.Errorf("called with %s, got %s", want, got)
		}
	}
}

func TestFuncThatPanics(t *testing.T) {
	var recovered []any
	jsbridge.OnPanic(func(r any) { recovered = append(recovered, r) })
	defer jsbridge.OnPanic(nil)
	failure := errors.New("failure")
	f := jsbridge.FuncOf(func(args []jsbridge.Value) any {
		var list []int
		switch n, _ := args[0].Number(); n {
		case 1:
			panic("text")
		case 2:
			panic(failure)
		case 3:
			return list[0]
		case 4:
			return args[1]
		case 5:
			panic(nil)
		}
		return time.Second // has no JavaScript value
	})
	defer f.Release()
	for n := range 6 {
		// From Go, and from the event loop.
		for _, how := range []string{`(f, n) => f(n)`, `(f, n) => new Promise((resolve) => setTimeout(() => resolve(f(n))))`} {
			promise, err := eval(t, how).Invoke(f, n)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := await(t, promise); err != nil || !v.IsUndefined() {
				t.Errorf("%d: a callback that panics returns something, or %v", n, err)
			}
			alive(t)
		}
	}
	if len(recovered) != 10 {
		t.Errorf("the hook was told of %d panics, want 10: %v", len(recovered), recovered)
	}
	if len(recovered) > 2 && (recovered[0] != "text" || recovered[2] != failure) {
		t.Errorf("the hook was told of %v", recovered)
	}
}

func TestFuncReleased(t *testing.T) {
	before, calls := jsbridge.Live(), 0
	var f jsbridge.Func
	f = jsbridge.FuncOf(func([]jsbridge.Value) any {
		calls++
		f.Release() // while it runs
		return "result"
	})
	if n := jsbridge.Live(); n != before+1 {
		t.Errorf("%d callbacks live, want %d", n, before+1)
	}
	if v, _ := f.Value().Invoke(); !v.Equal(jsbridge.ValueOf("result")) {
		t.Error("no result")
	}
	f.Release()
	if n := jsbridge.Live(); n != before {
		t.Errorf("%d callbacks live, want %d", n, before)
	}
	spy := eval(t, `(() => { const real = console.error, calls = []; console.error = (...args) => calls.push(args);
		return { calls, restore() { console.error = real; } }; })()`)
	v, err := f.Value().Invoke()
	spy.Call("restore")
	if err != nil || !v.IsUndefined() {
		t.Errorf("a released function returns something, or %v", err)
	}
	if calls != 1 {
		t.Errorf("called %d times, want once", calls)
	}
	if logged, _ := spy.Get("calls"); asJSON(t, logged) != "[]" {
		t.Errorf("the call of a released function is logged: %s", asJSON(t, logged))
	}
	alive(t)
}

func TestFuncOfNil(t *testing.T) {
	f := jsbridge.FuncOf(nil)
	defer f.Release()
	if v, err := f.Value().Invoke(); err != nil || !v.IsUndefined() {
		t.Errorf("a nil function returns something, or %v", err)
	}
	var zero jsbridge.Func
	zero.Release()
	if !zero.Value().IsUndefined() {
		t.Error("the zero Func is not undefined")
	}
}

// TestFuncNests calls from Go to JavaScript and back, and throws on the way.
func TestFuncNests(t *testing.T) {
	outer := eval(t, `(f, n) => { const v = f(n); if (n === 3) throw new Error("deep"); return v; }`)
	var f jsbridge.Func
	f = jsbridge.FuncOf(func(args []jsbridge.Value) any {
		n, _ := args[0].Number()
		if n == 10 {
			return "bottom"
		}
		v, err := outer.Invoke(f, n+1)
		if err != nil {
			return err.Error()
		}
		return v
	})
	defer f.Release()
	v, err := outer.Invoke(f, 0)
	if s, _ := v.Text(); err != nil || s != "Error: deep" {
		t.Errorf("got %q, %v", s, err)
	}
	alive(t)
}
