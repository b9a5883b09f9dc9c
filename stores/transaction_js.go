//go:build js && wasm

package stores

import (
	"context"
	"sync"
	"time"

	"github.com/onerefresh/onerefresh/jsbridge"
)

// A transaction is one of IndexedDB over the generations.
type transaction struct {
	js, store jsbridge.Value
	begin     time.Time
	settled   chan struct{} // closed when nobody has to wait for it any more, or it has ended
	settle    func()

	mu        sync.Mutex
	funcs     []jsbridge.Func // to be released when it has ended
	err       error           // why the browser did not do it
	decided   bool            // decide has called its argument,
	verdict   error           // which returned this
	abandoned bool            // nobody waits any more
}

// transaction begins one.
func (c *connection) transaction(mode string) (*transaction, error) {
	// To survive the loss of power would cost milliseconds. What is lost with it
	// in localStorage would still be lost.
	js, err := c.js.Call("transaction", generationsName, mode, map[string]any{"durability": "relaxed"})
	if err != nil {
		return nil, &unusableError{err}
	}
	store, err := js.Call("objectStore", generationsName)
	if err != nil {
		return nil, &unusableError{err}
	}
	t := &transaction{js: js, store: store, begin: time.Now(), settled: make(chan struct{})}
	t.settle = sync.OnceFunc(func() { close(t.settled) })
	end := sync.OnceFunc(func() {
		t.settle()
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, fn := range t.funcs {
			fn.Release()
		}
	})
	t.funcs = []jsbridge.Func{
		on(js, "oncomplete", end),
		on(js, "onabort", func() {
			t.fail(reason(js))
			end()
		}),
	}
	return t, nil
}

// request calls a method of the object store, and succeeded with the result.
func (t *transaction) request(succeeded func(result jsbridge.Value), method string, args ...any) {
	request, err := t.store.Call(method, args...)
	if err != nil {
		t.fail(err)
		t.js.Call("abort")
		return
	}
	fn := on(request, "onsuccess", func() {
		if result, err := request.Get("result"); err == nil {
			succeeded(result)
		}
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.funcs = append(t.funcs, fn)
}

// fail notes the first reason of a failure.
func (t *transaction) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = &unusableError{err}
	}
}

// decide calls f when ready is closed, or patience with it is over, and aborts
// the transaction if f returns an error. It does not call f if nobody waits for the
// transaction any more.
func (t *transaction) decide(ready <-chan struct{}, f func() error) {
	select {
	case <-ready:
	default:
		if time.Since(t.begin) < answerTimeout/3 { // end waits for answerTimeout
			// A transaction without requests would commit.
			t.request(func(jsbridge.Value) { t.decide(ready, f) }, "count")
			return
		}
	}
	t.mu.Lock()
	t.decided = !t.abandoned
	decided := t.decided
	t.mu.Unlock()
	if decided {
		verdict := f() // which may call functions of the page
		t.mu.Lock()
		t.verdict = verdict
		t.mu.Unlock()
		if verdict == nil {
			return
		}
	}
	t.js.Call("abort")
}

// end waits until the transaction is settled. Before the decision a caller who
// gives up, or a browser that does not answer, aborts it.
func (t *transaction) end(ctx context.Context) error {
	err := await(ctx, t.settled)
	t.mu.Lock()
	t.abandoned = err != nil && !t.decided
	abandoned := t.abandoned
	t.mu.Unlock()
	if abandoned {
		t.js.Call("abort")
		return err
	}
	if err != nil && !unusable(err) {
		err = await(context.WithoutCancel(ctx), t.settled)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.verdict != nil:
		return t.verdict
	case err != nil:
		return err
	}
	return t.err
}
