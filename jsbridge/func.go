//go:build js && wasm

package jsbridge

import (
	"sync"
	"syscall/js"
)

// A Func is a Go function that JavaScript can call.
type Func struct {
	id    int
	value Value
}

// callbacks are the functions behind all Funcs that are not released.
var callbacks = struct {
	sync.Mutex
	byID    map[int]func(args []Value) any
	last    int
	onPanic func(recovered any)
}{byID: make(map[int]func([]Value) any)}

// dispatch is the one function that package syscall/js makes for us. A Func is
// dispatch bound to an id: JavaScript may call it when it has been released,
// and nothing happens, where syscall/js would write an error to the console.
var dispatch = Value{js.FuncOf(func(_ js.Value, args []js.Value) any {
	values := make([]Value, len(args))
	for i, arg := range args {
		values[i] = Value{arg}
	}
	return call(values).js
}).Value}

// call runs the callback whose id is args[0] with the rest of args.
func call(args []Value) (result Value) {
	if len(args) == 0 {
		return
	}
	id, _ := args[0].Number()
	callbacks.Lock()
	fn := callbacks.byID[int(id)]
	callbacks.Unlock()
	if fn == nil {
		return
	}
	// A panic that leaves a callback ends the program.
	defer func() {
		if recovered := recover(); recovered != nil {
			result = Undefined()
			panicked(recovered)
		}
	}()
	return ValueOf(fn(args[1:]))
}

// FuncOf returns fn as a JavaScript function, which returns [ValueOf] of what
// fn returns. If fn panics, it returns undefined, and a program of the standard
// compiler lives on; see [OnPanic].
//
// Release it when it is not needed any more.
func FuncOf(fn func(args []Value) any) Func {
	callbacks.Lock()
	callbacks.last++
	id := callbacks.last
	callbacks.byID[id] = fn
	callbacks.Unlock()
	value, _ := invoke(functionBind, dispatch, Undefined(), id)
	return Func{id, value}
}

// Value returns the JavaScript function.
func (f Func) Value() Value { return f.value }

// Release lets go of the Go function. The JavaScript function does nothing,
// and returns undefined, when it is called after that. It may be called more
// than once, and while the function runs.
func (f Func) Release() {
	callbacks.Lock()
	delete(callbacks.byID, f.id)
	callbacks.Unlock()
}

// OnPanic sets the function that is told of what was recovered from panics in
// callbacks and under [Promise]. It must not panic.
func OnPanic(hook func(recovered any)) {
	callbacks.Lock()
	callbacks.onPanic = hook
	callbacks.Unlock()
}

func panicked(recovered any) {
	callbacks.Lock()
	hook := callbacks.onPanic
	callbacks.Unlock()
	if hook != nil {
		hook(recovered)
	}
}

// Live returns how many Funcs are not released, for tests to see that nothing
// leaks.
func Live() int {
	callbacks.Lock()
	defer callbacks.Unlock()
	return len(callbacks.byID)
}
