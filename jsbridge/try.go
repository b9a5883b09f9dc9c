//go:build js && wasm && !tinygo

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

func (v Value) kind() (kind js.Type) {
	defer func() {
		if recover() != nil {
			kind = bigint
		}
	}()
	return v.js.Type()
}
