package stores

import (
	"context"

	"github.com/onerefresh/onerefresh"
)

// A LocalStorageStore is a [onerefresh.Store] in the localStorage of a
// browser, which all tabs of an origin share, made coherent.
//
// localStorage alone is not: each renderer process reads a copy of its own, and
// what another process wrote may get there after the lock under which it was
// written. So the number of the newest generation is kept in IndexedDB too, and
// is named by a Web Lock for two seconds after each swap. These do show the
// newest value to everybody. Load asks them, and waits until localStorage
// shows that generation; it returns an error rather than an older one.
// The tokens are in localStorage alone, so that whoever clears it, such as the
// sign-out of another library, leaves none behind.
//
// # Format
//
// The record is the JSON text of an object. Members that do not apply are
// absent; times are in milliseconds, since 1970 or as durations. All of it:
//
//	{
//	  "v": 1,                 the format; a reader must not guess at another
//	  "generation": 7,
//	  "writer": "…",
//	  "epoch": 3,
//	  "access_token": "…", "token_type": "…", "refresh_token": "…", "scope": "…", "id_token": "…",
//	  "received_at": 1700000000000, "expires_at": 1700003600000,
//	  "extra": {…},           further members of the token response
//	  "attempt": {"at": 1700000000000, "by": "…", "count": 1},
//	  "cooldown": {"at": 1700000000000, "for": 5000, "failures": 1, "code": "temporarily_unavailable", "reason": "…"},
//	  "ended": {"reason": "invalid_grant", "description": "…", "answer_lost": true}
//	}
//
// Code other than this package may read it, may remove it, which signs out,
// and may put an object without "generation", "writer" and "epoch" there,
// which signs in. Both count as a swap. As such code tells nobody of it, Load
// waits for a while before it believes that this is not just an old copy.
type LocalStorageStore struct{ item *localStorage }

var _ onerefresh.Store = (*LocalStorageStore)(nil)

// LocalStorage returns the store under key. Stores of one key share their
// record.
//
// The error is [errors.ErrUnsupported] where there is no localStorage, such as
// in a worker or outside of a browser, and a SecurityError where the browser
// refuses it to this page.
func LocalStorage(key string) (*LocalStorageStore, error) { return LocalStorageIn(key, nil) }

// LocalStorageIn is like [LocalStorage] for a record in a format that other
// code reads and writes, too. What the format has no place for, such as the
// generation, is in a note under the key "onerefresh/" and key. It has no
// tokens, and fingerprints (FNV-1a) of the text that it belongs to and of the
// refresh tokens that were rotated.
//
// A text to which the note does not belong is somebody else's write. With the
// refresh token that the note knows it belongs to the same sign-in, as when an
// access token was struck out; with another one it is a new sign-in. With one
// that is known to be spent it was put back by code that had read it before: a
// page that knows what was there puts that in its place, and nobody gets to see
// the spent one.
func LocalStorageIn(key string, format Format) (*LocalStorageStore, error) {
	item, err := openLocalStorage(key, format)
	if err != nil {
		return nil, err
	}
	return &LocalStorageStore{item}, nil
}

// Decode returns the record that text, which was found under the key before,
// was. In a [Format] that is its Token alone.
func (s *LocalStorageStore) Decode(text string) (onerefresh.Record, error) {
	return s.item.decode(text)
}

// Coherent reports whether Load sees the swaps of other tabs, whichever
// process they live in. That is not so where the page has neither IndexedDB nor
// Web Locks, as far as is known: before the first Load or CompareAndSwap, that
// they exist is taken to mean that they can be used.
func (s *LocalStorageStore) Coherent() bool { return s.item.coherent() }

// Peek implements [onerefresh.Store]. It returns what the page's copy of
// localStorage shows.
func (s *LocalStorageStore) Peek() (onerefresh.Record, error) {
	rec, err := s.item.peek()
	return *rec, err
}

// Load implements [onerefresh.Store]. If localStorage does not catch up within
// three seconds, because the browser crashed before it had saved what was
// written, the error is a [*onerefresh.RecordError] for the generation.
func (s *LocalStorageStore) Load(ctx context.Context) (onerefresh.Record, error) {
	if ctx.Err() != nil {
		return onerefresh.Record{}, context.Cause(ctx)
	}
	rec, err := s.item.load(ctx)
	return *rec, err
}

// CompareAndSwap implements [onerefresh.Store]. If the browser has no room for
// the record, the error is its QuotaExceededError, and nothing has changed.
func (s *LocalStorageStore) CompareAndSwap(ctx context.Context, old, new onerefresh.Record) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.item.compareAndSwap(ctx, &old, &new)
}

// Watch implements [onerefresh.Store]. changed runs in a goroutine of its own.
func (s *LocalStorageStore) Watch(changed func()) (stop func()) { return s.item.watch(changed) }
