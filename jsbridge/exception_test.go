//go:build js && wasm

package jsbridge_test

import (
	"errors"
	"testing"

	"github.com/onerefresh/onerefresh/jsbridge"
)

func TestException(t *testing.T) {
	for _, c := range []struct{ thrown, name, message, text string }{
		{`new TypeError("no")`, "TypeError", "no", "TypeError: no"},
		{`new Error("")`, "Error", "", "Error"},
		{`new DOMException("gone", "AbortError")`, "AbortError", "gone", "AbortError: gone"},
		{`{ message: "m" }`, "", "m", "JavaScript exception: m"},
		{`{}`, "", "", "JavaScript exception"},
		{`{ name: 1, message: {} }`, "", "", "JavaScript exception"},
		{`{ get name() { throw 1; }, get message() { throw 2; }, toString() { throw 3; } }`, "", "", "JavaScript exception"},
		{`"text"`, "", "text", "JavaScript exception: text"},
		{`undefined`, "", "undefined", "JavaScript exception: undefined"},
		{`null`, "", "null", "JavaScript exception: null"},
		{`7`, "", "7", "JavaScript exception: 7"},
		{`10n`, "", "10", "JavaScript exception: 10"},
		{`Symbol("s")`, "", "Symbol(s)", "JavaScript exception: Symbol(s)"},
	} {
		v := eval(t, "() => "+"{ const e = "+c.thrown+"; globalThis.thrown = e; throw e; }")
		_, err := v.Invoke()
		var e *jsbridge.Exception
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v, want an Exception", c.thrown, err)
			continue
		}
		if e.Name != c.name || e.Message != c.message || e.Error() != c.text {
			t.Errorf("%s: name %q, message %q, text %q", c.thrown, e.Name, e.Message, e.Error())
		}
		if thrown, _ := jsbridge.Global().Get("thrown"); !thrown.Equal(e.Value) {
			t.Errorf("%s: Value is another one", c.thrown)
		}
		alive(t)
	}
	jsbridge.Global().Delete("thrown")
}
