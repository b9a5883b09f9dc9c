//go:build js && wasm

package jsbridge_test

import (
	"syscall/js"
	"testing"

	"github.com/onerefresh/onerefresh/jsbridge"
)

// rawAccess is the environment variable that names one of raw.
const rawAccess = "ONEREFRESH_RAW_ACCESS"

// raw are ways to meet a JavaScript exception without this package.
var raw = map[string]func(){
	"none":       func() {},
	"get":        func() { js.Global().Get("trap").Get("x") },
	"set":        func() { js.Global().Get("trap").Set("x", 1) },
	"delete":     func() { js.Global().Get("trap").Delete("x") },
	"index":      func() { js.Global().Get("trap").Index(0) },
	"length":     func() { js.Global().Get("trap").Length() },
	"instanceof": func() { js.Global().Get("Object").InstanceOf(js.Global().Get("trap")) },
	"call":       func() { defer func() { recover() }(); js.Global().Get("trap").Call("x") },
}

const trap = `new Proxy(class {}, {
	get() { throw new Error("trap"); },
	set() { throw new Error("trap"); },
	deleteProperty() { throw new Error("trap"); },
})`

// TestRawAccessIsFatal shows what this package is against. It runs this
// program once more for each of raw.
func TestRawAccessIsFatal(t *testing.T) {
	global := jsbridge.Global()
	if err := global.Set("trap", eval(t, trap)); err != nil {
		t.Fatal(err)
	}
	defer global.Delete("trap")
	// The program is a file to node, and in a page something to fetch.
	module, err := await(t, eval(t, `(async () => WebAssembly.compile(
		globalThis.process?.argv ? globalThis.fs.readFileSync(process.argv[2])
		: await (await fetch("program.wasm")).arrayBuffer()))()`))
	if err != nil {
		t.Fatal(err)
	}
	run := eval(t, `async (module, name, access) => {
		const go = new Go();
		let code = -1;
		Object.assign(go, { argv: ["raw"], env: { [name]: access }, exit: (c) => { code = c; } });
		await go.run(await WebAssembly.instantiate(module, go.importObject));
		return code;
	}`)
	for access := range raw {
		t.Run(access, func(t *testing.T) {
			promise, err := run.Invoke(module, rawAccess, access)
			if err != nil {
				t.Fatal(err)
			}
			code, err := await(t, promise)
			if access == "none" {
				if code, ok := code.Number(); !ok || code != 0 {
					t.Errorf("a program without defects does not end well: %v", err)
				}
			} else if err == nil {
				t.Error("the program survives")
			}
		})
	}
	alive(t)
}

func TestTrap(t *testing.T) {
	v := eval(t, trap)
	for name, access := range map[string]func() error{
		"get":    func() error { _, err := v.Get("x"); return err },
		"set":    func() error { return v.Set("x", 1) },
		"delete": func() error { return v.Delete("x") },
		"index":  func() error { _, err := v.Index(0); return err },
		"length": func() error { _, err := v.Len(); return err },
		"call":   func() error { _, err := v.Call("x"); return err },
	} {
		if err := access(); err == nil || err.Error() != "Error: trap" {
			t.Errorf("%s: error %v, want that of the trap", name, err)
		}
		alive(t)
	}
}
