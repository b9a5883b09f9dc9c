package onerefresh

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// Options configure a [Session].
type Options struct {
	// Name of the session. Everyone who opens the same name over the same
	// Store shares it; the lock has this name.
	Name string

	Store     Store
	Locker    Locker
	Refresher Refresher

	// Revoker, if set, is told of refresh tokens that are no longer needed:
	// after a sign-out, and when an answer comes after it.
	Revoker Revoker

	// Provider says what the authorization server's errors mean. The default
	// is [Generic].
	Provider Provider

	// Clock is the wall clock. The default is the system's.
	Clock Clock

	// ExpiryMargin is how long before its expiry an access token counts as
	// stale, though never more than a quarter of its lifetime. The default is
	// 30 seconds; a negative margin is none.
	ExpiryMargin time.Duration

	// ExchangeTimeout bounds an exchange, and with it the time for which the
	// lock is held; after that a process that was frozen meanwhile has 8
	// seconds to receive what came. The default is 10 seconds.
	ExchangeTimeout time.Duration

	// LockTimeout bounds the wait for the lock. The default is 30 seconds.
	LockTimeout time.Duration

	// OnEvent, if set, is called with one [Event] at a time, never while the
	// session holds its lock. It must not block.
	OnEvent func(Event)
}

// A Session hands out the valid access token of one signed-in user, and
// refreshes it, once for all who share it. Its methods are safe for concurrent
// use.
type Session struct {
	opts Options
	id   string // Record.Writer
	stop func() // ends the watch of the store

	// open ends with Close. It bounds waiting, never an exchange.
	open  context.Context
	close context.CancelCauseFunc

	mu     sync.Mutex
	flight *flight // nil while nobody refreshes
	kept   *kept   // what could not be written, or nil
	seen   Record  // the last one that events were told of
	events []Event // to be delivered
	quiet  int     // greater than 0 while the lock is held or an event is delivered
}

// Open returns a session over opts.Store. It does no I/O that waits. The error
// is an [Error] with [CodeInvalidOptions].
func Open(opts Options) (*Session, error) {
	switch {
	case opts.Name == "":
		return nil, invalid("Name is empty")
	case opts.Store == nil:
		return nil, invalid("Store is missing")
	case opts.Locker == nil:
		return nil, invalid("Locker is missing")
	case opts.Refresher == nil:
		return nil, invalid("Refresher is missing")
	case !opts.Provider.known():
		return nil, invalid(`Provider "` + string(opts.Provider) + `" is not known`)
	case opts.ExchangeTimeout < 0:
		return nil, invalid("ExchangeTimeout is negative")
	case opts.LockTimeout < 0:
		return nil, invalid("LockTimeout is negative")
	}
	if opts.Clock == nil {
		opts.Clock = systemClock{}
	}
	if opts.ExpiryMargin == 0 {
		opts.ExpiryMargin = 30 * time.Second
	}
	opts.ExpiryMargin = max(0, opts.ExpiryMargin)
	if opts.ExchangeTimeout == 0 {
		opts.ExchangeTimeout = 10 * time.Second
	}
	if opts.LockTimeout == 0 {
		opts.LockTimeout = 30 * time.Second
	}
	s := &Session{
		opts: opts,
		id:   strconv.FormatUint(rand.Uint64(), 36),
	}
	s.open, s.close = context.WithCancelCause(context.Background())
	s.seen, _ = opts.Store.Peek() // what cannot be read is reported to whoever asks for a token
	s.stop = sync.OnceFunc(opts.Store.Watch(s.notice))
	return s, nil
}

func invalid(message string) error { return &Error{Code: CodeInvalidOptions, Message: message} }

// Token returns a valid token: the stored one, one that a peer obtained, or a
// new one. It returns in bounded time, at the latest after LockTimeout and
// ExchangeTimeout, and when ctx ends; time for which the process was frozen does
// not count. The end of ctx does not stop a refresh that has begun. The error is an [Error].
func (s *Session) Token(ctx context.Context) (Token, error) { return value(s.token(ctx, nil)) }

// Refresh is like [Session.Token], for a caller whose access token was refused
// by a resource server: it returns another token than rejected. A peer may
// have obtained that already; otherwise there is an exchange, no matter what
// the clock says. An empty rejected stands for the access token that is stored
// now.
func (s *Session) Refresh(ctx context.Context, rejected string) (Token, error) {
	if rejected == "" {
		if rec, err := s.look(); err == nil {
			rejected = rec.Token.AccessToken
		}
	}
	return value(s.token(ctx, &rejected))
}

func value(token *Token, err error) (Token, error) {
	if err != nil {
		return Token{}, err
	}
	return *token, nil
}

// SignIn stores a new sign-in, which replaces whatever was stored. The error
// is an [Error], with [CodeInvalidOptions] and a [*FieldError] as its cause if
// the response breaks the contract; then nothing has changed.
func (s *Session) SignIn(ctx context.Context, response Response) error {
	if err := response.check(); err != nil {
		return &Error{Code: CodeInvalidOptions, Message: err.Error(), Cause: err}
	}
	token := new(Token).merge(&response, s.opts.Clock.Now())
	_, err := s.replace(ctx, func(old *Record) *Record {
		generation := old.Generation + 1
		return &Record{Generation: generation, Epoch: generation, Token: token}
	})
	return err
}

// SignOut removes the tokens for all who share the session, and has the
// refresh token revoked if there is a Revoker, whose failure it ignores: the
// session is gone either way. To sign out twice is no error.
func (s *Session) SignOut(ctx context.Context) error {
	old, err := s.replace(ctx, func(old *Record) *Record {
		if !old.signedIn() && old.Ended.Reason == "" {
			return nil
		}
		return &Record{Generation: old.Generation + 1}
	})
	if err == nil {
		s.revoke(old.Token.RefreshToken)
	}
	return err
}

// Close ends this Session, not the session: its callers get [ErrClosed]. An
// exchange under way is brought to its end, so that its answer is not lost.
func (s *Session) Close() {
	s.close(ErrClosed)
	s.stop()
}

func (s *Session) isClosed() bool { return s.open.Err() != nil }

func (s *Session) now() time.Time { return s.opts.Clock.Now() }

// replace swaps the record for what change makes of it, if anything, whoever else
// writes, and returns the old one. It needs no lock: an exchange under way finds the
// generation changed, and gives way.
func (s *Session) replace(ctx context.Context, change func(old *Record) *Record) (*Record, error) {
	if s.isClosed() {
		return nil, closed()
	}
	for {
		stored, err := s.opts.Store.Load(ctx)
		if err != nil && !isRecordError(err) { // a record that cannot be read can be replaced
			return nil, s.storeError(ctx, err)
		}
		old := &stored
		if old.Writer != s.id {
			s.observe(old) // nobody may have told of it yet
		}
		next := change(old)
		if next == nil {
			return old, nil
		}
		err = s.swap(ctx, old, next)
		switch {
		case err == nil:
			s.observe(next)
			s.deliver()
			return old, nil
		case err != ErrConflict:
			return nil, s.storeError(ctx, err)
		}
	}
}
