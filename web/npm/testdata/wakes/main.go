//go:build js && wasm

// Command wakes talks to the loader as the real program does, and answers with
// the number of goroutines, of ten that are woken at the same moment, whose
// promise is settled.
package main

import (
	"context"
	"strconv"
	"time"

	"github.com/onerefresh/onerefresh/jsbridge"
)

func main() {
	loader, err := jsbridge.Global().Get("__onerefresh__")
	if err != nil {
		panic(err)
	}
	method := func(run func() (any, error)) jsbridge.Func {
		return jsbridge.FuncOf(func([]jsbridge.Value) any { return jsbridge.Promise(run) })
	}
	handle := map[string]any{
		"token": method(func() (any, error) { return strconv.Itoa(settled(10)), nil }),
	}
	api := map[string]any{
		"open": method(func() (any, error) { return handle, nil }),
	}
	if _, err := loader.Call("ready", api); err != nil {
		panic(err)
	}
	select {}
}

func settled(n int) (count int) {
	woken, outcomes := make(chan struct{}), make(chan bool)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(2*time.Second, cancel)
	for range n {
		go func() {
			<-woken
			promise, resolve := jsbridge.Pending() // JavaScript calls Go for it, in which the others go on
			resolve()
			_, err := jsbridge.Await(ctx, promise)
			outcomes <- err == nil
		}()
	}
	close(woken)
	for range n {
		if <-outcomes {
			count++
		}
	}
	return count
}
