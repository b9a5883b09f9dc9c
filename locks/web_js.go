//go:build js && wasm

package locks

import (
	"context"
	"errors"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

type lockManager struct{ js jsbridge.Value }

func webLockManager() (lockManager, error) {
	navigator, err := jsbridge.Global().Get("navigator")
	if err != nil || !navigator.IsObject() {
		return lockManager{}, errors.ErrUnsupported
	}
	manager, err := navigator.Get("locks")
	if err != nil || !manager.IsObject() {
		return lockManager{}, errors.ErrUnsupported
	}
	visit.listen()
	return lockManager{manager}, nil
}

func (m lockManager) probe(ctx context.Context) error {
	snapshot, err := m.js.Call("query")
	if err == nil {
		_, err = jsbridge.Await(ctx, snapshot)
	}
	return err
}

func (m lockManager) lock(ctx context.Context, name string) (context.Context, func(), error) {
	for {
		hidden, err := visit.await(ctx)
		if err != nil {
			return nil, nil, err
		}
		held, unlock, err := m.request(ctx, hidden, name)
		if err != errHidden {
			return held, unlock, err
		}
	}
}

// request is lock for as long as the page is shown.
func (m lockManager) request(ctx context.Context, hidden <-chan struct{}, name string) (context.Context, func(), error) {
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The browser holds the lock from when it calls back until the promise that
	// it gets from that is settled.
	granted := make(chan struct{})
	released, release := jsbridge.Pending()
	callback := jsbridge.FuncOf(func([]jsbridge.Value) any {
		close(granted)
		return released
	})
	held, end := hold(ctx)
	unlock := func() {
		end(nil)
		release()
	}

	signal, detach := jsbridge.Signal(waiting)
	request, err := m.js.Call("request", name, map[string]any{"mode": "exclusive", "signal": signal}, callback)
	refused := make(chan error, 1)
	go func() {
		// Settled when the lock was refused, released or stolen. The wait has no
		// end of its own: a lock is held for as long as its holder likes.
		if err == nil {
			_, err = jsbridge.Await(context.Background(), request)
		}
		detach()
		callback.Release()
		refused <- err
		end(onerefresh.ErrLockLost) // too late, if unlock came first
	}()
	go func() {
		select {
		case <-hidden:
			cancel(errHidden)
			end(onerefresh.ErrLockLost)
			release()
		case <-held.Done():
		}
	}()

	select {
	case <-granted:
		return held, unlock, nil
	case err := <-refused:
		select {
		case <-granted: // and lost already, which held tells
			return held, unlock, nil
		default:
		}
		switch {
		case waiting.Err() != nil:
			err = context.Cause(waiting)
		case err == nil:
			err = errors.New("locks: the browser did not grant the lock")
		}
		return nil, nil, err
	case <-waiting.Done():
		// The signal does nothing to a lock that was granted in this moment.
		unlock()
		return nil, nil, context.Cause(waiting)
	}
}
