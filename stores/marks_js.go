//go:build js && wasm

package stores

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/onerefresh/onerefresh/internal/jsontext"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// marks names the newest generations by shared Web Locks: "onerefresh/", the
// key, "/" and the generation. Nobody waits for these; they are there to be
// seen in a query. The lock manager answers it in the order in which it grants
// locks, and so whoever holds a lock sees what was marked under it before.
//
// A mark goes with the page that holds it.
type marks struct {
	mu   sync.Mutex
	held map[string]func() // releases the mark of a key; guarded by mu
}

// markFor is how long a mark is held: much longer than localStorage takes to
// show a write, but not for long, as it may keep the page out of the
// back/forward cache.
const markFor = 2 * time.Second

// A look is one at the marks of a key.
type look struct {
	done chan struct{}

	// Written before done is closed, and read only after.
	newest uint64
	err    error // an unusableError
}

func (m *marks) look(key string) *look {
	l := &look{done: make(chan struct{})}
	go func() {
		defer close(l.done)
		var err error
		if l.newest, err = query(key); err != nil {
			l.err = &unusableError{err}
		}
	}()
	return l
}

func (m *marks) newest(ctx context.Context, key string) (uint64, error) {
	l := m.look(key)
	if err := await(ctx, l.done); err != nil {
		return 0, err
	}
	return l.newest, l.err
}

func query(key string) (newest uint64, err error) {
	manager, err := lockManager()
	if err != nil {
		return 0, err
	}
	snapshot, err := manager.Call("query")
	if err == nil {
		snapshot, err = jsbridge.Await(context.Background(), snapshot)
	}
	if err != nil {
		return 0, err
	}
	held, err := snapshot.Get("held")
	if err != nil {
		return 0, err
	}
	n, err := held.Len()
	if err != nil {
		return 0, err
	}
	for i := range n {
		info, err := held.Index(i)
		if err != nil {
			return 0, err
		}
		name, err := info.Get("name")
		if err != nil {
			return 0, err
		}
		text, _ := name.Text()
		if digits, ok := strings.CutPrefix(text, lockName(key, "")); ok {
			if generation, ok := jsontext.Value(digits).Integer(); ok {
				newest = max(newest, uint64(max(0, generation)))
			}
		}
	}
	return newest, nil
}

// mark marks generation, in place of the mark of key that this page held.
func (m *marks) mark(key string, generation uint64) *lock {
	l := request(lockName(key, strconv.FormatUint(generation, 10)), "shared")
	go func() {
		if l.wait(context.Background()) != nil {
			l.release()
			return
		}
		time.AfterFunc(markFor, l.release)
		m.mu.Lock()
		before := m.held[key]
		if m.held == nil {
			m.held = make(map[string]func())
		}
		m.held[key] = l.release
		m.mu.Unlock()
		if before != nil {
			before()
		}
	}()
	return l
}

// unmark releases all marks of this page.
func (m *marks) unmark() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, release := range m.held {
		release()
	}
	clear(m.held)
}

// swap calls write while it holds an exclusive lock.
func (m *marks) swap(ctx context.Context, key string, generation uint64, write func(newest uint64) error) error {
	l := request(lockName(key, "swap"), "exclusive")
	defer l.release()
	if err := l.wait(ctx); err != nil {
		return err
	}
	newest, err := m.newest(ctx, key)
	if err != nil {
		return err
	}
	if err := write(newest); err != nil {
		return err
	}
	return m.mark(key, generation).wait(context.WithoutCancel(ctx))
}

func lockName(key, suffix string) string { return "onerefresh/" + key + "/" + suffix }

func lockManager() (jsbridge.Value, error) {
	navigator, err := jsbridge.Global().Get("navigator")
	if err != nil || !navigator.IsObject() {
		return jsbridge.Value{}, errors.ErrUnsupported
	}
	manager, err := navigator.Get("locks")
	if err != nil || !manager.IsObject() {
		return jsbridge.Value{}, errors.ErrUnsupported
	}
	return manager, nil
}

// A lock is a Web Lock that was asked for.
type lock struct {
	settled chan struct{} // closed when it is granted or refused
	refused error         // written before that
	release func()        // may be called before it is granted, and more than once
}

func request(name, mode string) *lock {
	settled := make(chan struct{})
	released, release := jsbridge.Pending()
	l := &lock{settled: settled, release: release}
	settle := sync.OnceFunc(func() { close(settled) })
	manager, err := lockManager()
	if err != nil {
		l.refused = err
		settle()
		return l
	}
	granted := jsbridge.FuncOf(func([]jsbridge.Value) any {
		settle()
		return released
	})
	done, err := manager.Call("request", name, map[string]any{"mode": mode}, granted)
	go func() {
		if err == nil {
			_, err = jsbridge.Await(context.Background(), done)
		}
		granted.Release()
		select {
		case <-settled:
		default:
			if err == nil {
				err = errors.New("the lock was not granted")
			}
			l.refused = err
			settle()
		}
	}()
	return l
}

// wait waits until the lock is held.
func (l *lock) wait(ctx context.Context) error {
	if err := await(ctx, l.settled); err != nil {
		return err
	}
	if l.refused != nil {
		return &unusableError{l.refused}
	}
	return nil
}
