//go:build js && wasm

package locks

import (
	"context"
	"errors"
	"sync"

	"github.com/onerefresh/onerefresh/jsbridge"
)

// errHidden ends a wait for a lock in a page that is being left.
var errHidden = errors.New("locks: the page is hidden")

// visit tells whether the page is shown, or was left. A page that was left may
// be kept in the back/forward cache, where it can release nothing; and Chromium
// 156 lets a page that it does not keep hold its locks for as long as the next
// page in that tab lives. Nobody else is to wait for either.
var visit visibility

type visibility struct {
	listening sync.Once

	mu     sync.Mutex
	hidden chan struct{} // closed when the page is left; guarded by mu
	shown  chan struct{} // closed when the page is back; guarded by mu
}

// await waits until the page is shown, and returns what is closed when that is
// over.
func (v *visibility) await(ctx context.Context) (hidden <-chan struct{}, err error) {
	for {
		v.mu.Lock()
		hidden, shown := v.hidden, v.shown
		v.mu.Unlock()
		select {
		case <-shown:
			return hidden, nil
		default:
		}
		select {
		case <-shown:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// listen has to be called before the page is left for the first time.
func (v *visibility) listen() { v.listening.Do(v.addListeners) }

func (v *visibility) addListeners() {
	v.hidden, v.shown = make(chan struct{}), make(chan struct{})
	close(v.shown)
	add := func(event string, f func()) {
		jsbridge.Global().Call("addEventListener", event, jsbridge.FuncOf(func([]jsbridge.Value) any {
			v.mu.Lock()
			defer v.mu.Unlock()
			f()
			return nil
		}))
	}
	add("pagehide", func() {
		select {
		case <-v.shown:
			close(v.hidden)
			v.hidden, v.shown = make(chan struct{}), make(chan struct{})
		default: // the page was left before
		}
	})
	add("pageshow", func() {
		select {
		case <-v.shown: // the page was not left before
		default:
			close(v.shown)
		}
	})
}
