package onerefresh

import (
	"context"
	"sync"
)

// A flight is one refresh that all callers of this process share. It runs on
// its own: a caller that gives up leaves it, and hurts nobody else.
type flight struct {
	rejected *string // as given to token by the caller who started it

	reloaded bool // the record was loaded once outside the lock
	resent   bool // an answer was lost with the lock once

	// news is closed when the store shows a token. That may be a while before the
	// flight lands: it still has a write to finish, or a queue to leave.
	news     chan struct{}
	newsOnce sync.Once

	// Written before done is closed, and read only after.
	token *Token
	err   error
	done  chan struct{}
}

func (f *flight) tell() { f.newsOnce.Do(func() { close(f.news) }) }

func (f *flight) knew(rejected string) bool { return f.rejected != nil && *f.rejected == rejected }

// token returns a token other than rejected, if that is not nil.
func (s *Session) token(ctx context.Context, rejected *string) (*Token, error) {
	for {
		if s.isClosed() {
			return nil, closed()
		}
		if ctx.Err() != nil {
			return nil, aborted(ctx)
		}
		if rec, err := s.look(); err == nil {
			if token, settled, err := s.judge(rec, rejected); settled && (err == nil || s.confirmed(ctx, err)) {
				return token, err
			}
		}
		f := s.join(rejected)
		select {
		case <-f.news:
			if token, settled, err := s.judgePeeked(rejected); settled && err == nil {
				return token, nil
			}
		case <-ctx.Done():
			return nil, aborted(ctx)
		case <-s.open.Done():
			return nil, closed()
		}
		select {
		case <-f.done:
			// A flight that began before the token was rejected may land with
			// that very token. One that knew lands with it only if the server
			// grants it again, and then it has to be taken.
			if f.err != nil || rejected == nil || f.token.AccessToken != *rejected || f.knew(*rejected) {
				return f.token, f.err
			}
		case <-ctx.Done():
			return nil, aborted(ctx)
		case <-s.open.Done():
			return nil, closed()
		}
	}
}

// confirmed reports whether an error that came of a look at the store holds for
// what is stored. A copy may for a moment show less than there is: somebody may
// just have signed in elsewhere.
func (s *Session) confirmed(ctx context.Context, peeked error) bool {
	if e, ok := peeked.(*Error); !ok || e.Code != CodeSignedOut && e.Code != CodeSessionEnded {
		return true
	}
	rec, err := s.load(ctx)
	return err == nil && !rec.signedIn()
}

// join returns the flight under way, or starts one.
func (s *Session) join(rejected *string) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight == nil {
		s.flight = &flight{rejected: rejected, news: make(chan struct{}), done: make(chan struct{})}
		go s.fly(s.flight)
	}
	return s.flight
}

// fly runs f, and clears it however that ends: a refresher that panics must
// not leave a flight behind that never lands.
func (s *Session) fly(f *flight) {
	f.err = &Error{Code: CodeInternal, Message: "an adapter ended the goroutine of the refresh"}
	defer func() {
		if p := recover(); p != nil {
			f.err = &Error{Code: CodeInternal, Message: "an adapter panicked"}
		}
		s.mu.Lock()
		s.flight = nil
		s.mu.Unlock()
		close(f.done)
		f.tell()
	}()
	f.token, f.err = s.refresh(f)
}

func closed() error { return &Error{Code: CodeClosed, Message: "the session was closed"} }

func aborted(ctx context.Context) error {
	return &Error{Code: CodeAborted, Message: "the caller gave up", Cause: context.Cause(ctx)}
}
