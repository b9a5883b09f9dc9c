package onerefresh

import (
	"context"
	"time"
)

// A Locker grants a lock that is exclusive among all who ask for the same
// name. Its methods must be safe for concurrent use.
type Locker interface {
	// Lock waits until the lock is held, or until ctx ends, in which case it
	// returns [context.Cause] of ctx.
	//
	// held ends when the lock is no longer held; its cause is [ErrLockLost] if
	// that was not the caller's doing. unlock releases the lock; it may be
	// called more than once. It is a return value, and not a method, to remind
	// the caller to look at err first.
	Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error)

	// Shared reports whether the exclusion reaches everyone who shares the
	// [Store], and not just this process. Where it does, an attempt that a
	// new holder finds in the record is that of a holder who is gone.
	Shared() bool
}

// A Store keeps the one [Record] of a session. Its methods must be safe for
// concurrent use.
type Store interface {
	// Peek returns what can be known without waiting. It may be older than
	// what Load would return. It serves to adopt a token that is valid; no
	// refresh token is ever spent on its word.
	Peek() (Record, error)

	// Load returns the record as it is: it sees every swap that succeeded
	// before the call began, whoever made it. An empty store has the zero
	// Record.
	//
	// Where what is stored cannot be read as a record, Load returns a
	// [*RecordError] and a Record that holds the generation alone, so that it
	// can be replaced by signing in.
	Load(ctx context.Context) (Record, error)

	// CompareAndSwap replaces the record by new if the stored generation is
	// old's, as one step among all who share the store. Otherwise it changes
	// nothing and returns [ErrConflict]. The caller sets new.Generation, to
	// something greater than old.Generation.
	CompareAndSwap(ctx context.Context, old, new Record) error

	// Watch calls changed after the record may have changed, by this process
	// or another, until stop is called. Calls are hints: some may be missing,
	// late or for nothing. changed must not block.
	Watch(changed func()) (stop func())
}

// A Refresher presents a refresh token to the token endpoint, once.
// See https://www.rfc-editor.org/rfc/rfc6749#section-6.
type Refresher interface {
	// Refresh returns the answer, or an error that tells what is known of the
	// outcome: a [*RefreshError] for what the endpoint said, a [*FieldError],
	// together with the parts of the answer that could be read, for an answer
	// that breaks the contract, and [ErrNoRefreshToken] where refreshToken is
	// empty and needed. After any other error the refresh token may or may not
	// have been spent.
	//
	// ctx ends at [Options.ExchangeTimeout], never with a caller's.
	Refresh(ctx context.Context, refreshToken string) (Response, error)
}

// A Revoker tells the authorization server that a token is no longer needed.
// See https://www.rfc-editor.org/rfc/rfc7009#section-2.1.
type Revoker interface {
	Revoke(ctx context.Context, refreshToken string) error
}

// A Clock tells the wall time. Waiting is done with package time.
type Clock interface{ Now() time.Time }

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }
