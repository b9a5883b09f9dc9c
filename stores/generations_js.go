//go:build js && wasm

package stores

import (
	"context"
	"errors"
	"sync"
	"time"
)

// generations knows the newest generation of each key. What it says holds for
// all processes of the browser, unlike what localStorage shows.
//
// It asks two sources and believes the one that says more. A page that cannot
// use one of them, for good or just now, still learns from the other what is
// written elsewhere, and lets others know what it writes itself: that a page
// just went by the one it has would not do, as others may have the other one.
// To a page that is refused both, localStorage is all there is.
type generations struct {
	database database
	marks    marks

	mu                            sync.Mutex
	databaseRefused, marksRefused bool // guarded by mu
}

// newest returns the generation of the last swap that was recorded, or 0.
func (g *generations) newest(ctx context.Context, key string) (uint64, error) {
	var (
		marked  uint64
		markErr error
		looked  = make(chan struct{})
	)
	go func() {
		marked, markErr = g.marks.newest(ctx, key)
		close(looked)
	}()
	stored, err := g.database.newest(ctx, key)
	<-looked
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	g.note(err, markErr)
	switch {
	case err == nil || markErr == nil:
		return max(stored, marked), nil
	case !g.coherent():
		return 0, nil
	}
	return 0, err
}

// swap calls write with the newest generation, and if that returns nil, records
// generation, as one step among all pages. What write returns comes back as it
// is.
func (g *generations) swap(ctx context.Context, key string, generation uint64, commit bool, write func(newest uint64) error) error {
	// A page without a database leaves marks alone. It, too, holds the lock of
	// the session when it refreshes, and so the look may be earlier than the write.
	marked := g.marks.look(key)
	var mark *lock // once it is written
	err := g.database.swap(ctx, key, generation, commit, marked.done, func(newest uint64) error {
		err := write(max(newest, marked.newest))
		if err == nil {
			mark = g.marks.mark(key, generation)
		}
		return err
	})
	if mark != nil {
		if err == nil {
			g.note(nil, marked.err)
			return nil // the mark is for pages whose database fails; nobody waits for it
		}
		markErr := mark.wait(context.WithoutCancel(ctx))
		g.note(err, markErr)
		if unusable(err) && markErr == nil {
			return nil
		}
		return err
	}
	if !unusable(err) {
		return err
	}
	markErr := g.marks.swap(ctx, key, generation, write)
	g.note(err, markErr)
	switch {
	case !unusable(markErr):
		return markErr
	case !g.coherent():
		return write(0)
	}
	return err
}

// coherent reports whether there is anything to go by but localStorage.
func (g *generations) coherent() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.databaseRefused || !g.marksRefused
}

// note keeps in mind what errors, or none, say about the two.
func (g *generations) note(databaseErr, markErr error) {
	refused := func(err error) bool { return unusable(err) && !silent(err) }
	g.mu.Lock()
	defer g.mu.Unlock()
	g.databaseRefused, g.marksRefused = refused(databaseErr), refused(markErr)
}

// An unusableError says why the database or the marks cannot be used: because
// the browser refuses them, or because it does not answer.
type unusableError struct{ cause error }

func (e *unusableError) Error() string { return "stores: " + e.cause.Error() }
func (e *unusableError) Unwrap() error { return e.cause }

// silent reports whether err is an unusableError after answerTimeout.
func silent(err error) bool {
	e, ok := err.(*unusableError)
	return ok && e.cause == errSilent
}

func unusable(err error) bool {
	_, ok := err.(*unusableError)
	return ok
}

// errSilent is the cause of an unusableError after answerTimeout.
var errSilent = errors.New("the browser does not answer")

// answerTimeout is how long the browser may take. IndexedDB has been seen never
// to answer: https://bugs.webkit.org/show_bug.cgi?id=226547.
const answerTimeout = 3 * time.Second

// after closes over after d. Unlike time.NewTimer it does not bring the settings
// of GODEBUG along.
func after(d time.Duration) (over <-chan struct{}, stop func() bool) {
	c := make(chan struct{})
	return c, time.AfterFunc(d, func() { close(c) }).Stop
}

// lastCall is what follows answerTimeout: if the page was busy for as long, the
// answer is there, and the timer may be the first to be heard.
const lastCall = 250 * time.Millisecond

// await waits until done is closed.
func await(ctx context.Context, done <-chan struct{}) error {
	for _, timeout := range [...]time.Duration{answerTimeout, lastCall} {
		over, stop := after(timeout)
		select {
		case <-done:
			stop()
			return nil
		case <-ctx.Done():
			stop()
			return context.Cause(ctx)
		case <-over:
		}
	}
	return &unusableError{errSilent}
}
