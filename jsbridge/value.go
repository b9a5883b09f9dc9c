//go:build js && wasm

package jsbridge

import "syscall/js"

// A Value is a JavaScript value. The zero Value is undefined. The error of a
// method is an [*Exception].
type Value struct{ js js.Value }

// Global returns globalThis.
func Global() Value { return Value{js.Global()} }

// Undefined returns undefined.
func Undefined() Value { return Value{} }

// Null returns null.
func Null() Value { return Value{js.Null()} }

// ValueOf returns x, which is of one of the types that the package comment
// names, as a JavaScript value. For all others it returns undefined.
func ValueOf(x any) Value {
	v, _ := valueOf(x)
	return v
}

// Get returns the property name of an object.
func (v Value) Get(name string) (Value, error) { return invoke(reflectGet, v, name) }

// Set assigns x to the property name of an object. It is an error if the
// object refuses, because it is frozen, say.
func (v Value) Set(name string, x any) error {
	done, err := invoke(reflectSet, v, name, x)
	return refusal(done, err, "cannot set property "+name)
}

// Delete removes the property name of an object. It is no error if there is
// none, and one if the object refuses.
func (v Value) Delete(name string) error {
	done, err := invoke(reflectDelete, v, name)
	return refusal(done, err, "cannot delete property "+name)
}

// refusal returns err, or an error in the place of the false with which
// Reflect reports what strict mode would throw for.
func refusal(done Value, err error, message string) error {
	if ok, _ := done.Bool(); err == nil && !ok {
		return typeError(message)
	}
	return err
}

// Call calls the method of an object.
func (v Value) Call(method string, args ...any) (Value, error) {
	f, err := v.Get(method)
	if err != nil {
		return Value{}, err
	}
	if !f.IsFunction() {
		return Value{}, typeError(method + " is not a function")
	}
	return apply(f, v, args)
}

// Invoke calls a function.
func (v Value) Invoke(args ...any) (Value, error) { return apply(v, Undefined(), args) }

// New calls a constructor.
func (v Value) New(args ...any) (Value, error) { return construct(v, args...) }

// Index returns the element i of an array.
func (v Value) Index(i int) (Value, error) { return invoke(reflectGet, v, i) }

// Len returns the length of an array.
func (v Value) Len() (int, error) {
	length, err := v.Get("length")
	if err != nil {
		return 0, err
	}
	n, ok := length.Number()
	if !ok || n < 0 || n != float64(int(n)) {
		return 0, typeError("length is no count")
	}
	return int(n), nil
}

// Bool returns a boolean, and whether v is one.
func (v Value) Bool() (value, ok bool) {
	ok = v.kind() == js.TypeBoolean
	return ok && v.js.Bool(), ok
}

// Number returns a number, and whether v is one. NaN is one.
func (v Value) Number() (value float64, ok bool) {
	if v.kind() != js.TypeNumber {
		return 0, false
	}
	return v.js.Float(), true
}

// Text returns a string, and whether v is one. Nothing is converted to a
// string, and so no method of an object is called. Lone surrogates become
// U+FFFD.
func (v Value) Text() (value string, ok bool) {
	if v.kind() != js.TypeString {
		return "", false
	}
	return v.js.String(), true
}

// IsUndefined reports whether v is undefined.
func (v Value) IsUndefined() bool { return v.js.IsUndefined() }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.js.IsNull() }

// IsObject reports whether v is an object or a function, and not null.
func (v Value) IsObject() bool {
	kind := v.kind()
	return kind == js.TypeObject || kind == js.TypeFunction
}

// IsFunction reports whether v is a function.
func (v Value) IsFunction() bool { return v.kind() == js.TypeFunction }

// Equal reports whether v === w.
func (v Value) Equal(w Value) bool { return v.js.Equal(w.js) }

// ParseJSON returns what the JSON text describes.
func ParseJSON(text string) (Value, error) { return invoke(jsonParse, text) }

// JSON returns the JSON text of v. It is an error if v has none, as a function
// or undefined.
func (v Value) JSON() (string, error) {
	text, err := invoke(jsonStringify, v)
	if err != nil {
		return "", err
	}
	s, ok := text.Text()
	if !ok {
		return "", typeError("the value has no JSON text")
	}
	return s, nil
}
