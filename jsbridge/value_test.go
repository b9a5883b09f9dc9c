//go:build js && wasm

package jsbridge_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/jsbridge"
)

func TestValueOf(t *testing.T) {
	f := jsbridge.FuncOf(func([]jsbridge.Value) any { return nil })
	defer f.Release()
	for _, c := range []struct {
		x    any
		want string
	}{
		{nil, "null"},
		{true, "true"},
		{false, "false"},
		{0, "0"},
		{-1, "-1"},
		{uint8(255), "255"},
		{int64(1) << 53, "9007199254740992"},
		{1.5, "1.5"},
		{float32(0.5), "0.5"},
		{math.NaN(), "null"}, // as JSON has it
		{"", `""`},
		{"a\x00\"é😀", `"a\u0000\"é😀"`},
		{"\uFEFFa", "\"\uFEFFa\""},
		{"\uFEFF\uFEFF", "\"\uFEFF\uFEFF\""},
		{"\xff", "\"\uFFFD\""},
		{strings.Repeat("x", 1<<20), `"` + strings.Repeat("x", 1<<20) + `"`},
		{[]any{}, "[]"},
		{[]any{1}, "[1]"},
		{[]any{1, "a", []any{nil}, map[string]any{}}, `[1,"a",[null],{}]`},
		{map[string]any{}, "{}"},
		{map[string]any{"a": map[string]any{"b": []any{true}}}, `{"a":{"b":[true]}}`},
		{map[string]any{"__proto__": 1}, `{"__proto__":1}`},
		{map[string]any{"f": f, "v": jsbridge.Undefined(), "a": []any{f}}, `{"a":[null]}`},
		{jsbridge.ValueOf("a"), `"a"`},
		{jsbridge.Null(), "null"},
	} {
		if got := asJSON(t, jsbridge.ValueOf(c.x)); got != c.want {
			t.Errorf("ValueOf(%#v) is %.40s, want %.40s", c.x, got, c.want)
		}
	}
}

func TestValueOfWhatHasNone(t *testing.T) {
	for _, x := range []any{time.Second, []string{"a"}, &struct{}{}, []any{time.Second}, map[string]any{"a": 'a' + 0i}} {
		if v := jsbridge.ValueOf(x); !v.IsUndefined() {
			t.Errorf("ValueOf(%#v) is not undefined", x)
		}
		if _, err := jsbridge.Global().Call("String", x); !isException(err) {
			t.Errorf("Call with %#v: error %v, want an Exception", x, err)
		}
	}
}

func TestText(t *testing.T) {
	for _, want := range []string{"", "a\x00é😀", "\uFEFFa", strings.Repeat("é", 1<<19)} {
		if got, ok := jsbridge.ValueOf(want).Text(); !ok || got != want {
			t.Errorf("Text of %.20q is %.20q", want, got)
		}
	}
	if got, _ := eval(t, `"a\ud800b"`).Text(); got != "a\uFFFDb" {
		t.Errorf("Text of a lone surrogate is %q", got)
	}
}

// exotic are values of all types, and the worst objects there are.
var exotic = []string{
	`undefined`, `null`, `true`, `0`, `-0`, `NaN`, `Infinity`, `1.5`, `""`, `"text"`,
	`Symbol("s")`, `10n`, `2n**64n`, `new Boolean(true)`, `Object("text")`,
	`{}`, `Object.create(null)`, `Object.freeze({x: 1})`, `[1, 2]`, `Object.freeze([1])`, `() => 1`, `class {}`,
	`async () => 1`, `function* () {}`,
	`(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })()`,
	`(() => { const { proxy, revoke } = Proxy.revocable(() => 1, {}); revoke(); return proxy; })()`,
	`new Proxy(() => 1, new Proxy({}, { get() { throw new Error("trap"); } }))`,
	`{ get x() { throw new Error("get"); }, set x(v) { throw new Error("set"); } }`,
	`Object.defineProperty({}, "x", { value: 1 })`,
	`{ toString() { throw new Error("toString"); }, valueOf() { throw new Error("valueOf"); } }`,
	`{ [Symbol.toPrimitive]() { throw new Error("toPrimitive"); } }`,
	`{ toJSON() { throw new Error("toJSON"); } }`,
	`(() => { const cycle = {}; cycle.x = cycle; return cycle; })()`,
	`{ x: 10n }`,
	`{ x() { throw undefined; }, get length() { throw null; } }`,
	`{ length: -1 }`, `{ length: 1.5 }`, `{ length: "2" }`, `{ length: 2**60 }`, `{ length: Infinity }`, `{ length: 1n }`,
	`{ then(f) { throw new Error("then"); } }`,
	`{ get then() { throw new Error("then"); } }`,
	`{ then(f, r) { f(1); r(2); f(3); throw 4; } }`,
	`Object.defineProperty(Promise.resolve(1), "constructor", { get() { throw new Error("constructor"); } })`,
	`Object.defineProperty(Promise.resolve(1), "then", { get() { throw new Error("then"); } })`,
	`class extends null {}`, `class { constructor() { throw this; } }`,
	`new Error("message")`, `new (class extends Error { get message() { throw 1; } })()`,
	`new Date(NaN)`, `new WeakMap()`, `globalThis`, `new Proxy(globalThis, {})`, `Object.prototype`,
}

// TestNothingThrows calls everything on everything. It fails by dying, or if an
// error is not an Exception.
func TestNothingThrows(t *testing.T) {
	for _, expression := range exotic {
		t.Run(expression, func(t *testing.T) {
			v := eval(t, expression)
			var errs []error
			try := func(err error) { errs = append(errs, err) }
			for _, name := range []string{"x", "", "length", "then", "\x00", "__proto__"} {
				_, err := v.Get(name)
				try(err)
				_, err = v.Call(name, 1)
				try(err)
			}
			// On what inherits from v: these are not for globalThis.
			if heir, err := eval(t, "(v) => new Proxy(Object(v), {})").Invoke(v); err == nil && !v.Equal(jsbridge.Global()) {
				try(heir.Set("x", v))
				try(heir.Delete("x"))
				try(heir.Delete("length"))
			}
			try(eval(t, "{}").Set("x", v))
			_, err := v.Invoke(v)
			try(err)
			_, err = v.New(v)
			try(err)
			_, err = v.Index(0)
			try(err)
			_, err = v.Index(-1)
			try(err)
			_, err = v.Len()
			try(err)
			if !v.Equal(jsbridge.Global()) { // it is large, and in node it is cyclic
				_, err = v.JSON()
				try(err)
			}
			_, err = eval(t, "(e) => { throw e; }").Invoke(v)
			if !isException(err) {
				t.Errorf("thrown, it is the error %v", err)
			}
			try(err)
			if _, err := await(t, v); err != nil {
				try(err)
			}
			jsbridge.ErrorValue(err)
			_, stop := jsbridge.Context(v)
			stop()
			jsbridge.SetErrorClass(v)
			if e := jsbridge.ErrorValue(err); !e.IsObject() {
				t.Error("with it as a class, ErrorValue makes no object")
			}
			jsbridge.SetErrorClass(jsbridge.Undefined())

			v.Bool()
			v.Number()
			v.Text()
			v.IsUndefined()
			v.IsNull()
			v.IsFunction()
			v.Equal(v)
			for _, err := range errs {
				if err != nil && !isException(err) {
					t.Errorf("an error is no Exception: %v", err)
				}
				if err != nil && err.Error() == "" {
					t.Error("an error says nothing")
				}
			}
			alive(t)
		})
	}
}

func TestTypes(t *testing.T) {
	for _, c := range []struct{ expression, is string }{
		{"undefined", "undefined"},
		{"null", "null"},
		{"true", "bool"},
		{"0", "number"},
		{"NaN", "number"},
		{`""`, "text"},
		{"Symbol()", ""},
		{"1n", ""},
		{"{}", "object"},
		{"[]", "object"},
		{"Object('text')", "object"},
		{"() => 1", "object function"},
		{"class {}", "object function"},
	} {
		v := eval(t, c.expression)
		var is []string
		for name, ok := range map[string]bool{"undefined": v.IsUndefined(), "null": v.IsNull()} {
			if ok {
				is = append(is, name)
			}
		}
		if _, ok := v.Bool(); ok {
			is = append(is, "bool")
		}
		if _, ok := v.Number(); ok {
			is = append(is, "number")
		}
		if _, ok := v.Text(); ok {
			is = append(is, "text")
		}
		if v.IsObject() {
			is = append(is, "object")
		}
		if v.IsFunction() {
			is = append(is, "function")
		}
		if got := strings.Join(is, " "); got != c.is {
			t.Errorf("%s is %q, want %q", c.expression, got, c.is)
		}
	}
}

func TestEqual(t *testing.T) {
	o := eval(t, "{}")
	for _, c := range []struct {
		v, w jsbridge.Value
		want bool
	}{
		{o, o, true},
		{o, eval(t, "{}"), false},
		{jsbridge.ValueOf("a"), jsbridge.ValueOf("a"), true},
		{jsbridge.ValueOf(0), eval(t, "-0"), true},
		{jsbridge.ValueOf(1), jsbridge.ValueOf("1"), false},
		{jsbridge.Null(), jsbridge.Undefined(), false},
		{jsbridge.ValueOf(math.NaN()), jsbridge.ValueOf(math.NaN()), false},
		{jsbridge.Value{}, jsbridge.Undefined(), true},
	} {
		if got := c.v.Equal(c.w); got != c.want {
			t.Errorf("%v.Equal(%v) = %v", c.v, c.w, got)
		}
	}
}

func TestProperties(t *testing.T) {
	o := eval(t, `{ a: 1, f(x) { return [this === globalThis.self, this.a, x]; } }`)
	if err := o.Set("a", "b"); err != nil {
		t.Error(err)
	}
	if v, err := o.Call("f", 7); err != nil || asJSON(t, v) != `[false,"b",7]` {
		t.Errorf("Call: %v", err)
	}
	if err := o.Delete("a"); err != nil {
		t.Error(err)
	}
	if v, err := o.Get("a"); err != nil || !v.IsUndefined() {
		t.Errorf("a deleted property is still there, %v", err)
	}
	if err := o.Delete("a"); err != nil {
		t.Errorf("Delete of what is not there: %v", err)
	}
	frozen := eval(t, `Object.freeze({ a: 1 })`)
	if err := frozen.Set("a", 2); !isException(err) {
		t.Errorf("Set on a frozen object: error %v", err)
	}
	if err := frozen.Delete("a"); !isException(err) {
		t.Errorf("Delete on a frozen object: error %v", err)
	}
	list := eval(t, `["a", "b"]`)
	if n, err := list.Len(); err != nil || n != 2 {
		t.Errorf("Len() = %d, %v", n, err)
	}
	if v, err := list.Index(1); err != nil || !v.Equal(jsbridge.ValueOf("b")) {
		t.Errorf("Index(1): %v", err)
	}
	class := eval(t, `class { constructor(x) { this.x = x; } }`)
	if v, err := class.New(3); err != nil || asJSON(t, v) != `{"x":3}` {
		t.Errorf("New: %v", err)
	}
	if v, err := eval(t, `(...args) => args.length`).Invoke(1, nil, jsbridge.Undefined()); err != nil || asJSON(t, v) != "3" {
		t.Errorf("Invoke: %v", err)
	}
}

func TestJSON(t *testing.T) {
	v, err := jsbridge.ParseJSON(`{"a":[1,null,"x"]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := asJSON(t, v); got != `{"a":[1,null,"x"]}` {
		t.Errorf("got %s", got)
	}
	for _, bad := range []string{"", "{", "undefined", "\x00", strings.Repeat("[", 1<<16)} {
		if _, err := jsbridge.ParseJSON(bad); !isException(err) {
			t.Errorf("ParseJSON(%.10q): error %v", bad, err)
		}
	}
	for _, expression := range []string{"undefined", "() => 1", "Symbol()", "1n"} {
		if _, err := eval(t, expression).JSON(); !isException(err) {
			t.Errorf("JSON of %s: error %v", expression, err)
		}
	}
	alive(t)
}

// TestRefusedStorage has no trap of our making: the browser throws.
func TestRefusedStorage(t *testing.T) {
	origin, _ := jsbridge.Global().Get("origin")
	_, err := jsbridge.Global().Get("localStorage")
	if name, _ := origin.Text(); name == "null" { // opaque, see internal/chromium/exec
		if err == nil || !strings.HasPrefix(err.Error(), "SecurityError: ") {
			t.Errorf("error %v, want a SecurityError", err)
		}
	} else if err != nil {
		t.Error(err)
	}
	alive(t)
}
