//go:build js && wasm

package jsbridge

import "syscall/js"

// The functions of the engine that everything here is made of, as they were
// when the program started. All access goes through invoke, and so through try.
// With the standard compiler that is [js.Value.Invoke], which is a try block on
// the JavaScript side. [js.Value.Call] is one too, but after a failure it reads
// the method again, outside of it.
var (
	reflectGet    = builtin("Reflect", "get")
	reflectSet    = builtin("Reflect", "set")
	reflectDelete = builtin("Reflect", "deleteProperty")
	reflectNew    = builtin("Reflect", "construct")
	arrayOf       = builtin("Array", "of")
	fromEntries   = builtin("Object", "fromEntries")
	stringOf      = builtin("String")
	jsonParse     = builtin("JSON", "parse")
	jsonStringify = builtin("JSON", "stringify")
	errorClass    = builtin("Error")

	promiseClass   = builtin("Promise")
	promiseThen    = builtin("Promise", "prototype", "then")
	promiseResolve = bound(js.Global().Get("Promise").Get("resolve"), js.Global().Get("Promise"))

	// applied to (f, this, args...)
	functionCall = bound(function("call"), function("call"))
	functionBind = bound(function("call"), function("bind"))
)

func builtin(path ...string) Value {
	v := js.Global()
	for _, name := range path {
		v = v.Get(name)
	}
	return Value{v}
}

func function(name string) js.Value { return js.Global().Get("Function").Get("prototype").Get(name) }

func bound(f, this js.Value) Value { return Value{f.Call("bind", this)} }

// invoke calls f, which is one of these functions.
func invoke(f Value, args ...any) (Value, error) {
	converted := make([]any, len(args))
	for i, arg := range args {
		v, err := valueOf(arg)
		if err != nil {
			return Value{}, err
		}
		converted[i] = v.js
	}
	v, ok := try(f.js, converted)
	if !ok {
		return Value{}, exception(Value{v})
	}
	return Value{v}, nil
}

// apply calls f, which may be anything, as a method of this.
func apply(f, this Value, args []any) (Value, error) {
	return invoke(functionCall, append([]any{f, this}, args...)...)
}

// construct calls class, which may be anything, as a constructor.
func construct(class Value, args ...any) (Value, error) {
	return invoke(reflectNew, class, args)
}

func valueOf(x any) (Value, error) {
	switch x := x.(type) {
	case Value:
		return x, nil
	case Func:
		return x.value, nil
	case string:
		const byteOrderMark = "\uFEFF"
		if len(x) >= len(byteOrderMark) && x[:len(byteOrderMark)] == byteOrderMark {
			x = byteOrderMark + x // the TextDecoder of wasm_exec.js swallows one
		}
		return Value{js.ValueOf(x)}, nil
	case []any:
		return invoke(arrayOf, x...)
	case map[string]any:
		// Not by assignment, so that a setter on Object.prototype, such as that
		// of __proto__, is no part of it.
		entries := make([]any, 0, len(x))
		for name, x := range x {
			entries = append(entries, []any{name, x})
		}
		return invoke(fromEntries, entries)
	case nil, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return Value{js.ValueOf(x)}, nil
	}
	return Value{}, typeError("a Go value of this type has no JavaScript value")
}

// bigint is a type that package syscall/js does not know, and panics at.
const bigint js.Type = -1
