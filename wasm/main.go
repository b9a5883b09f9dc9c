//go:build js && wasm

package main

import (
	// TinyGo runs what it can of initializers at compile time, up to the first
	// that calls JavaScript, that of syscall/js. Package bytes comes before that,
	// as the first of the imports, and with it package unicode, whose tables
	// weigh 20 kB with brotli if they are made at run time.
	_ "bytes"

	"github.com/onerefresh/onerefresh/jsbridge"
)

// main takes what the loader has left for it on the global object, gives it
// the API, and stays. The loader is the only one to call that, and gives all
// arguments. If that fails it returns, which the loader notices.
func main() {
	loader, err := jsbridge.Global().Get("__onerefresh__")
	if err != nil {
		return
	}
	errorClass, err := loader.Get("errorClass")
	if err != nil {
		return
	}
	jsbridge.SetErrorClass(errorClass)
	api := map[string]any{
		"open": jsbridge.AsyncFuncOf(func(args []jsbridge.Value) (any, error) { return open(args[0]) }),
	}
	if _, err := loader.Call("ready", api); err != nil {
		return
	}
	select {}
}
