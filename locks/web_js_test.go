//go:build js && wasm

package locks_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/locks/lockstest"
)

// TestWeb runs on node and in three kinds of page, see internal/chromium/exec.
func TestWeb(t *testing.T) {
	secure, _ := get(t, jsbridge.Global(), "isSecureContext").Bool()
	origin, _ := get(t, jsbridge.Global(), "origin").Text()
	switch {
	case !secure: // which node is not either
		t.Run("is unsupported", webIsUnsupported)
	case origin == "null":
		t.Run("is refused", webIsRefused)
	default:
		t.Run("is not requested by a page that was left", webWaitsWhileThePageIsLeft)
		t.Run("conforms", func(t *testing.T) {
			lockstest.Run(t, func() onerefresh.Locker { return web(t) })
		})
		t.Run("is granted", webIsGranted)
		t.Run("takes any name", webTakesAnyName)
		t.Run("withdraws its request", webWithdraws)
		t.Run("tells of theft", webTellsOfTheft)
		t.Run("keeps nothing", webKeepsNothing)
	}
}

func web(t *testing.T) *locks.WebLocker {
	t.Helper()
	l, err := locks.Web()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func get(t *testing.T, v jsbridge.Value, names ...string) jsbridge.Value {
	t.Helper()
	for _, name := range names {
		var err error
		if v, err = v.Get(name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return v
}

func webIsUnsupported(t *testing.T) {
	if l, err := locks.Web(); l != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Web() = %v, %v; want errors.ErrUnsupported", l, err)
	}
}

func webIsRefused(t *testing.T) {
	isSecurityError := func(err error) bool {
		var e *jsbridge.Exception
		return errors.As(err, &e) && e.Name == "SecurityError"
	}
	if err := web(t).Probe(t.Context()); !isSecurityError(err) {
		t.Errorf("Probe: error %v, want a SecurityError", err)
	}
	if _, _, err := web(t).Lock(t.Context(), "a"); !isSecurityError(err) {
		t.Errorf("Lock: error %v, want a SecurityError", err)
	}
}

// It comes first: a page may be left before it has ever requested a lock.
func webWaitsWhileThePageIsLeft(t *testing.T) {
	dispatch := func(event string) {
		t.Helper()
		e, err := get(t, jsbridge.Global(), "Event").New(event)
		if err == nil {
			_, err = jsbridge.Global().Call("dispatchEvent", e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	l := web(t)
	dispatch("pagehide")
	granted := make(chan func(), 1)
	go func() {
		_, unlock, err := l.Lock(t.Context(), "left")
		if err != nil {
			t.Error(err)
		}
		granted <- unlock
	}()
	for range 3 { // the browser answers in order
		if names := append(snapshot(t, "held"), snapshot(t, "pending")...); len(names) > 0 {
			t.Fatalf("a page that was left has or wants %q", names)
		}
	}
	dispatch("pagehide") // once more, as scripts do
	dispatch("pageshow")
	select {
	case unlock := <-granted:
		unlock()
	case <-time.After(10 * time.Second):
		t.Error("the page is back, and does not get the lock")
	}
}

func webIsGranted(t *testing.T) {
	if err := web(t).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if !web(t).Shared() {
		t.Error("Shared() = false")
	}
}

// snapshot returns the names of the locks that are "held" or "pending".
func snapshot(t *testing.T, state string) []string {
	t.Helper()
	query, err := get(t, jsbridge.Global(), "navigator", "locks").Call("query")
	if err != nil {
		t.Fatal(err)
	}
	all, err := jsbridge.Await(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	list := get(t, all, state)
	n, err := list.Len()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range n {
		lock, err := list.Index(i)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := get(t, lock, "name").Text()
		names = append(names, name)
	}
	return names
}

// eventually polls until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so within 10 s: %s", what)
		}
	}
}

func webTakesAnyName(t *testing.T) {
	for _, name := range []string{"", "-x", "a b", "\x00", "é", "😀", "\uFEFF", strings.Repeat("x", 1<<20)} {
		_, unlock, err := web(t).Lock(t.Context(), name)
		if err != nil {
			t.Errorf("Lock(%.20q): %v", name, err)
			continue
		}
		if held := snapshot(t, "held"); len(held) != 1 || held[0] != "onerefresh:"+name {
			t.Errorf("Lock(%.20q) holds %.20q", name, held)
		}
		unlock()
		eventually(t, "the lock is released", func() bool { return len(snapshot(t, "held")) == 0 })
	}
}

func webWithdraws(t *testing.T) {
	l := web(t)
	_, unlock, err := l.Lock(t.Context(), "queue")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, _, err := l.Lock(ctx, "queue")
		left <- err
	}()
	eventually(t, "a request is pending", func() bool { return len(snapshot(t, "pending")) == 1 })
	cancel()
	if err := <-left; err != context.Canceled {
		t.Errorf("error %v, want context.Canceled", err)
	}
	eventually(t, "no request is pending", func() bool { return len(snapshot(t, "pending")) == 0 })
}

func webTellsOfTheft(t *testing.T) {
	l := web(t)
	held, unlock, err := l.Lock(t.Context(), "stolen")
	if err != nil {
		t.Fatal(err)
	}
	isHeld, keep := make(chan struct{}), make(chan struct{})
	thief := jsbridge.FuncOf(func([]jsbridge.Value) any {
		close(isHeld)
		return jsbridge.Promise(func() (any, error) { <-keep; return nil, nil })
	})
	defer thief.Release()
	if _, err := get(t, jsbridge.Global(), "navigator", "locks").Call("request",
		"onerefresh:stolen", map[string]any{"steal": true}, thief); err != nil {
		t.Fatal(err)
	}
	<-isHeld
	select {
	case <-held.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("held does not end")
	}
	if cause := context.Cause(held); cause != onerefresh.ErrLockLost {
		t.Errorf("held ends with %v, want ErrLockLost", cause)
	}

	unlock()
	if held := snapshot(t, "held"); len(held) != 1 {
		t.Errorf("after unlock, %q are held; want that of the thief", held)
	}
	close(keep)
	_, unlock, err = l.Lock(t.Context(), "stolen")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func webKeepsNothing(t *testing.T) {
	l := web(t)
	eventually(t, "the locks of other tests are released", func() bool { return len(snapshot(t, "held")) == 0 })
	goroutines, callbacks := runtime.NumGoroutine(), jsbridge.Live()
	for range 500 {
		ctx, cancel := context.WithCancel(t.Context())
		_, unlock, err := l.Lock(ctx, "often")
		if err != nil {
			t.Fatal(err)
		}
		waiter := make(chan error)
		go func() {
			_, _, err := l.Lock(ctx, "often")
			waiter <- err
		}()
		runtime.Gosched() // it is in the queue
		cancel()
		if err := <-waiter; err != context.Canceled {
			t.Fatal(err)
		}
		unlock()
	}
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "no callback is left", func() bool { return jsbridge.Live() <= callbacks })
}

// fake puts a lock manager with the given request method in the place of the
// browser's.
func fake(t *testing.T, request func(args []jsbridge.Value) any) *locks.WebLocker {
	t.Helper()
	method := jsbridge.FuncOf(request)
	t.Cleanup(method.Release)
	global := jsbridge.Global()
	if !get(t, global, "navigator").IsObject() { // node 20
		if err := global.Set("navigator", map[string]any{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { global.Delete("navigator") })
	}
	navigator := get(t, global, "navigator")
	if _, err := get(t, global, "Object").Call("defineProperty", navigator, "locks", map[string]any{
		"value": map[string]any{"request": method}, "configurable": true,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { navigator.Delete("locks") }) // the browser's is on the prototype
	l, err := locks.Web()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWebManagerMisbehaves(t *testing.T) {
	for _, c := range []struct {
		name    string
		request func(args []jsbridge.Value) any
	}{
		{"rejects", func([]jsbridge.Value) any {
			return jsbridge.Promise(func() (any, error) { return nil, errors.New("refused") })
		}},
		{"returns no promise", func([]jsbridge.Value) any { return 1 }},
		{"returns a promise, and never calls back", func([]jsbridge.Value) any {
			return jsbridge.Promise(func() (any, error) { return nil, nil })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			held, unlock, err := fake(t, c.request).Lock(t.Context(), "a")
			if err == nil || held != nil || unlock != nil {
				t.Errorf("Lock: error %v, want one, and nothing else", err)
			}
		})
	}
	t.Run("throws", func(t *testing.T) {
		l := fake(t, nil) // what calls a nil function
		get(t, jsbridge.Global(), "navigator", "locks").Set("request", 1)
		if _, _, err := l.Lock(t.Context(), "a"); err == nil {
			t.Error("Lock: no error")
		}
	})
	t.Run("calls back twice", func(t *testing.T) {
		held, unlock, err := fake(t, func(args []jsbridge.Value) any {
			args[2].Invoke()
			promise, _ := args[2].Invoke()
			return promise
		}).Lock(t.Context(), "a")
		if err != nil || held.Err() != nil {
			t.Fatalf("Lock: %v", err)
		}
		unlock()
	})
}

// TestWebGrantRacesWithEnd has the grant come and the context end in one turn
// of the event loop, which a browser does rarely.
func TestWebGrantRacesWithEnd(t *testing.T) {
	for range 40 {
		ctx, cancel := context.WithCancelCause(t.Context())
		var hold jsbridge.Value
		_, unlock, err := fake(t, func(args []jsbridge.Value) any {
			cancel(nil)
			hold, _ = args[2].Invoke()
			return hold
		}).Lock(ctx, "a")
		switch err {
		case nil:
			unlock()
		case context.Canceled:
		default:
			t.Fatal(err)
		}
		patience, done := context.WithTimeout(t.Context(), 10*time.Second)
		if _, err := jsbridge.Await(patience, hold); err != nil {
			t.Fatalf("the lock stays held after Lock has returned %v", err)
		}
		done()
	}
}
