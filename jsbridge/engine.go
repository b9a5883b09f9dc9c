//go:build js && wasm

package jsbridge

import (
	"errors"
	"syscall/js"

	"github.com/hack-pad/safejs"
)

// The functions of the engine that everything here is made of, as they were
// when the program started. All access goes through invoke and construct,
// which are try blocks on the JavaScript side. [js.Value.Call] is one too, but
// after a failure it reads the method again, outside of it.
var (
	reflectGet    = builtin("Reflect", "get")
	reflectSet    = builtin("Reflect", "set")
	reflectDelete = builtin("Reflect", "deleteProperty")
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
	return Value{safejs.Safe(v)}
}

func function(name string) js.Value { return js.Global().Get("Function").Get("prototype").Get(name) }

func bound(f, this js.Value) Value { return Value{safejs.Safe(f.Call("bind", this))} }

// invoke calls f with args, and this being undefined.
func invoke(f Value, args ...any) (Value, error) {
	args, err := convert(args)
	if err != nil {
		return Value{}, err
	}
	v, err := f.js.Invoke(args...)
	return result(v, err)
}

// construct calls class as a constructor.
func construct(class Value, args ...any) (Value, error) {
	args, err := convert(args)
	if err != nil {
		return Value{}, err
	}
	v, err := class.js.New(args...)
	return result(v, err)
}

func result(v safejs.Value, err error) (Value, error) {
	if err == nil {
		return Value{v}, nil
	}
	var thrown js.Error
	if errors.As(err, &thrown) {
		return Value{}, exception(Value{safejs.Safe(thrown.Value)})
	}
	return Value{}, typeError(err.Error())
}

// convert returns args as what safejs accepts.
func convert(args []any) ([]any, error) {
	converted := make([]any, len(args))
	for i, arg := range args {
		v, err := valueOf(arg)
		if err != nil {
			return nil, err
		}
		converted[i] = v.js
	}
	return converted, nil
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
		return primitive(x)
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
	default:
		return primitive(x)
	}
}

func primitive(x any) (Value, error) {
	v, err := safejs.ValueOf(x)
	if err != nil {
		return Value{}, typeError("a Go value of this type has no JavaScript value")
	}
	return Value{v}, nil
}
