//go:build js && wasm

// Command panics talks to the loader as the real program does, and panics when
// it is asked for a token.
package main

import "github.com/onerefresh/onerefresh/jsbridge"

func main() {
	loader, err := jsbridge.Global().Get("__onerefresh__")
	if err != nil {
		panic(err)
	}
	method := func(run func() (any, error)) jsbridge.Func {
		return jsbridge.FuncOf(func([]jsbridge.Value) any { return jsbridge.Promise(run) })
	}
	handle := map[string]any{
		"signOut": method(func() (any, error) { select {} }),
		"token": method(func() (any, error) {
			go panic("as told")
			select {}
		}),
	}
	api := map[string]any{
		"open": method(func() (any, error) { return handle, nil }),
	}
	if _, err := loader.Call("ready", api); err != nil {
		panic(err)
	}
	select {}
}
