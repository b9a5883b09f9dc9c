//go:build js && wasm && small && !tinygo

package jsbridge

import "syscall/js"

// try calls f, which is a function of the engine, and returns what that
// returns or, if not ok, what it throws.
func try(f js.Value, args []any) (v js.Value, ok bool) {
	defer func() {
		if thrown, is := recover().(js.Error); is {
			v = thrown.Value
		}
	}()
	return f.Invoke(args...), true
}
