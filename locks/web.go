package locks

import (
	"context"

	"github.com/onerefresh/onerefresh"
)

// A WebLocker is a [onerefresh.Locker] over the lock manager of the browser,
// which all tabs and workers of an origin share. See
// https://www.w3.org/TR/web-locks/.
//
// The lock of the name "x" is called "onerefresh:x" there. It goes with the
// tab that holds it when that is closed, crashes or navigates. The lock is
// lost if somebody else requests it with the option steal.
type WebLocker struct{ manager lockManager }

var _ onerefresh.Locker = (*WebLocker)(nil)

// Web returns the locker of the browser. Where there is none, which is so
// outside of a secure context, for one, the error is [errors.ErrUnsupported].
//
// That there is a lock manager does not mean that it grants locks; see
// [WebLocker.Probe].
func Web() (*WebLocker, error) {
	manager, err := webLockManager()
	if err != nil {
		return nil, err
	}
	return &WebLocker{manager}, nil
}

// Probe returns the error with which the browser refuses this page all locks,
// or nil if it does not. That is a SecurityError in a page with an opaque
// origin, such as that of a sandboxed frame.
func (l *WebLocker) Probe(ctx context.Context) error { return l.manager.probe(ctx) }

// Shared returns true: whoever shares the storage of an origin shares its lock
// manager.
func (l *WebLocker) Shared() bool { return true }

// Lock implements [onerefresh.Locker]. It fails if ctx ends, and if the
// browser refuses the request.
func (l *WebLocker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	// The prefix also keeps names from beginning with "-", which is reserved.
	return l.manager.lock(ctx, "onerefresh:"+name)
}
