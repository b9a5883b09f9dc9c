// Package context takes the place of the standard library's in the program that
// TinyGo compiles: what that program uses of it, for goroutines that take turns on
// one thread, and for contexts that come of this package. The module is 3.6 kB with
// brotli smaller than with the standard library's.
package context

import (
	"errors"
	"time"
)

type Context interface {
	Deadline() (deadline time.Time, ok bool)
	Done() <-chan struct{}
	Err() error
	Value(key any) any
}

type (
	CancelFunc      func()
	CancelCauseFunc func(cause error)
)

// Canceled is what Err returns of a context that has ended.
var Canceled = errors.New("context canceled")

// A node is a context, or a function that is to be called when its parent ends.
type node struct {
	parent     *node // nil if it has none that ends, or has left it
	child      *node // the one that came last
	prev, next *node // among the children of parent

	done       chan struct{} // nil if it never ends
	err, cause error         // nil until it has ended
	after      func()
}

func (*node) Deadline() (deadline time.Time, ok bool) { return }
func (n *node) Done() <-chan struct{}                 { return n.done }
func (n *node) Err() error                            { return n.err }
func (*node) Value(any) any                           { return nil }

var background = new(node)

func Background() Context { return background }

// WithoutCancel returns a context that never ends. There are no values that it
// could have of its parent.
func WithoutCancel(Context) Context { return background }

func WithCancelCause(parent Context) (ctx Context, cancel CancelCauseFunc) {
	n := &node{done: make(chan struct{})}
	n.join(parent.(*node))
	return n, n.end
}

func WithCancel(parent Context) (ctx Context, cancel CancelFunc) {
	ctx, end := WithCancelCause(parent)
	return ctx, func() { end(nil) }
}

func Cause(ctx Context) error { return ctx.(*node).cause }

func AfterFunc(ctx Context, f func()) (stop func() bool) {
	n := &node{after: f}
	n.join(ctx.(*node))
	return func() bool {
		stopped := n.err == nil
		n.err = Canceled
		n.leave()
		return stopped
	}
}

func (n *node) join(parent *node) {
	switch {
	case parent.err != nil:
		n.end(parent.cause)
	case parent.done != nil:
		n.parent, n.next = parent, parent.child
		if n.next != nil {
			n.next.prev = n
		}
		parent.child = n
	}
}

func (n *node) leave() {
	if n.parent == nil {
		return
	}
	if n.prev == nil {
		n.parent.child = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	}
	n.parent, n.prev, n.next = nil, nil, nil
}

func (n *node) end(cause error) {
	if n.err != nil {
		return
	}
	if cause == nil {
		cause = Canceled
	}
	n.err, n.cause = Canceled, cause
	n.leave()
	if n.after != nil {
		go n.after()
		return
	}
	close(n.done)
	for n.child != nil {
		n.child.end(cause)
	}
}
