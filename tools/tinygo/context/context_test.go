package context

import (
	std "context"
	"errors"
	"math/rand"
	"testing"
)

// TestLikeTheStandardLibrary has contexts of both packages go through the same
// random steps, and compares what they say after each.
func TestLikeTheStandardLibrary(t *testing.T) {
	for seed := range int64(2000) {
		random := rand.New(rand.NewSource(seed))
		ours, theirs := []Context{Background()}, []std.Context{std.Background()}
		var cancelOurs []CancelCauseFunc
		var cancelTheirs []std.CancelCauseFunc
		var stopOurs, stopTheirs []func() bool
		var called [][2]chan struct{}
		for step := range 40 {
			at := random.Intn(len(ours))
			switch random.Intn(7) {
			case 0, 1:
				o, cancelO := WithCancelCause(ours[at])
				s, cancelS := std.WithCancelCause(theirs[at])
				ours, theirs = append(ours, o), append(theirs, s)
				cancelOurs, cancelTheirs = append(cancelOurs, cancelO), append(cancelTheirs, cancelS)
			case 2:
				o, cancelO := WithCancel(ours[at])
				s, cancelS := std.WithCancel(theirs[at])
				ours, theirs = append(ours, o), append(theirs, s)
				cancelOurs = append(cancelOurs, func(error) { cancelO() })
				cancelTheirs = append(cancelTheirs, func(error) { cancelS() })
			case 3:
				ours, theirs = append(ours, WithoutCancel(ours[at])), append(theirs, std.WithoutCancel(theirs[at]))
			case 4:
				o, s := make(chan struct{}), make(chan struct{})
				stopOurs = append(stopOurs, AfterFunc(ours[at], func() { close(o) }))
				stopTheirs = append(stopTheirs, std.AfterFunc(theirs[at], func() { close(s) }))
				called = append(called, [2]chan struct{}{o, s})
			case 5:
				if len(cancelOurs) == 0 {
					continue
				}
				var cause error
				if random.Intn(2) == 0 {
					cause = errors.New("a cause")
				}
				i := random.Intn(len(cancelOurs))
				cancelOurs[i](cause)
				cancelTheirs[i](cause)
			case 6:
				if len(stopOurs) == 0 {
					continue
				}
				i := random.Intn(len(stopOurs))
				if o, s := stopOurs[i](), stopTheirs[i](); o != s {
					t.Fatalf("seed %d, step %d: stop returned %v, and that of the standard library %v", seed, step, o, s)
				} else if o {
					called[i] = [2]chan struct{}{}
				}
			}
			for i := range ours {
				if o, s := say(ours[i], Cause(ours[i]), Canceled), say(theirs[i], std.Cause(theirs[i]), std.Canceled); o != s {
					t.Fatalf("seed %d, step %d: context %d is %+v, and that of the standard library %+v", seed, step, i, o, s)
				}
			}
		}
		// Functions are called for both, or for neither.
		for _, cancel := range cancelTheirs {
			cancel(nil)
		}
		for _, cancel := range cancelOurs {
			cancel(nil)
		}
		for i, c := range called {
			if c[0] == nil || stopOurs[i]() {
				continue
			}
			<-c[0]
			<-c[1]
		}
	}
}

type state struct {
	ended    bool
	canceled bool
	cause    string
	ends     bool
}

func say(ctx interface {
	Done() <-chan struct{}
	Err() error
}, cause, canceled error) state {
	var s state
	select {
	case <-ctx.Done():
		s.ended = true
	default:
	}
	s.canceled = ctx.Err() == canceled
	if cause != nil {
		s.cause = cause.Error()
	}
	s.ends = ctx.Done() != nil
	return s
}

// TestChildrenAreForgotten: who has ended, or is not called any more, is not kept
// by a parent that goes on.
func TestChildrenAreForgotten(t *testing.T) {
	parent, _ := WithCancel(Background())
	_, cancel := WithCancel(parent)
	stop := AfterFunc(parent, func() {})
	_, cancelLast := WithCancel(parent)
	cancel()
	stop()
	cancelLast()
	if parent.(*node).child != nil || background.child != nil {
		t.Error("a parent keeps a child that has ended")
	}
}
