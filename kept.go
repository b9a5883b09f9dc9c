package onerefresh

import (
	"context"
	"errors"
)

// kept is a record that could not be written after an exchange. While the
// store still has the refresh token that was spent, this Session goes on with
// the kept one, and writes it as soon as that works again.
type kept struct {
	spent, next Record
}

func (s *Session) keep(spent, next Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = &kept{spent, next}
}

// current returns what is to be made of a stored record: the kept one, in
// the generation of the stored one, or else the stored one, which then is
// somebody's later word.
func (s *Session) current(stored Record) Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || !stored.sameGrant(s.kept.spent) {
		s.kept = nil
		return stored
	}
	rec := s.kept.next
	rec.Generation = stored.Generation
	return rec
}

// look returns the record as far as it is known without waiting.
func (s *Session) look() (Record, error) {
	stored, err := s.opts.Store.Peek()
	if err != nil {
		return Record{}, err
	}
	return s.current(stored), nil
}

// load returns the record as it is.
func (s *Session) load(ctx context.Context) (Record, error) {
	stored, err := s.opts.Store.Load(ctx)
	if err != nil {
		return Record{}, err
	}
	rec := s.current(stored)
	if rec.Writer != s.id {
		s.observe(rec)
	}
	return rec, nil
}

// swap writes next in place of old, in this Session's name.
func (s *Session) swap(ctx context.Context, old Record, next *Record) error {
	next.Writer = s.id
	return s.opts.Store.CompareAndSwap(ctx, old, *next)
}

// storeError is what callers get when the store fails. The session goes on:
// nothing was sent.
func (s *Session) storeError(ctx context.Context, err error) error {
	switch {
	case isRecordError(err):
		return &Error{Code: CodeMisconfigured, Message: err.Error(), Cause: err}
	case ctx.Err() != nil && context.Cause(ctx) != ErrLockLost:
		return aborted(ctx)
	}
	return &Error{Code: CodeTemporarilyUnavailable, Message: "the store failed: " + err.Error(), Cause: err}
}

func isRecordError(err error) bool {
	var bad *RecordError
	return errors.As(err, &bad)
}
