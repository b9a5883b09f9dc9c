//go:build js && wasm && tinygo

package jsbridge

import (
	"syscall/js"
	"time"
)

// TinyGo has no recover: what would panic must not be called. The build of
// web/npm lends the program the try block that it lacks.
var (
	lent     = js.Global().Get("__onerefresh_try__")
	attempt  = lent.Get("attempt")
	caught   = lent.Get("caught")
	failed   = lent.Get("failed")
	isBigint = lent.Get("isBigint")
)

// try calls f, which is a function of the engine, and returns what that
// returns or, if not ok, what it throws.
func try(f js.Value, args []any) (v js.Value, ok bool) {
	v = attempt.Invoke(append([]any{f}, args...)...)
	if v.Equal(failed) {
		return caught.Invoke(), false
	}
	return v, true
}

func (v Value) kind() js.Type {
	if isBigint.Invoke(v.js).Bool() {
		return bigint
	}
	return v.js.Type()
}

var dateNow = builtin("Date", "now")

// now asks the engine: the clock of TinyGo is read once, and goes on with
// performance.now. It does not notice that the clock is set, and stands still
// while the computer sleeps.
func now() time.Time {
	v, err := invoke(dateNow)
	ms, ok := v.Number()
	if err != nil || !ok {
		return time.Now()
	}
	return time.UnixMilli(int64(ms))
}
