package onerefresh

import (
	"context"
	"errors"
	"time"
)

// kept is a record that could not be written after an exchange. While the
// store still has the refresh token that was spent, this Session goes on with
// the kept one, and writes it as soon as that works again.
type kept struct {
	spent, next *Record

	// held and release are of the lock that tells others not to spend again what
	// they find in the store. held is nil before it is taken, and used by one
	// goroutine.
	held    context.Context
	release func()
}

// keep is called before the session's lock is released, so that the next
// holder finds the other lock taken.
func (s *Session) keep(spent, next *Record) {
	s.forget() // what was kept before has become part of spent
	k := &kept{spent: spent, next: next, release: func() {}}
	s.mu.Lock()
	s.kept = k
	s.mu.Unlock()
	s.lockKept(k)
	go s.writeKept(k)
}

// lockKept takes the lock of k where it is needed and not held, be it that the
// page was left meanwhile, and its locks with it.
func (s *Session) lockKept(k *kept) {
	if k.next.Token.RefreshToken == k.spent.Token.RefreshToken || k.held != nil && k.held.Err() == nil {
		return
	}
	ctx, cancel := withTimeout(context.Background(), keptTimeout)
	defer cancel()
	held, unlock, err := s.opts.Locker.Lock(ctx, s.keptName())
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept != k {
		unlock()
		return
	}
	k.held, k.release = held, unlock
}

// keptTimeout is how long to wait for a lock that is held for a moment by
// those who try it, and for long by those who keep a record.
const keptTimeout = time.Second

func (s *Session) keptName() string { return s.opts.Name + ":kept" }

// keptElsewhere reports whether there is a peer who lives, and has an answer
// that it could not write.
func (s *Session) keptElsewhere(held context.Context) bool {
	ctx, cancel := withTimeout(held, keptTimeout)
	defer cancel()
	_, unlock, err := s.opts.Locker.Lock(ctx, s.keptName())
	if err != nil {
		return held.Err() == nil
	}
	unlock()
	return false
}

// writeKept tries until what k keeps is written, or somebody else has written
// something later. Close gives it a last try.
func (s *Session) writeKept(k *kept) {
	for wait := firstBackoff; s.keeps(k); wait = min(2*wait, longestBackoff) {
		s.lockKept(k)
		pause, stop := withTimeout(s.open, wait)
		<-pause.Done()
		stop()
		last := s.isClosed()
		ctx, cancel := withTimeout(context.Background(), persistTimeout)
		if stored, err := s.opts.Store.Load(ctx); err == nil {
			next := new(*s.current(&stored))
			next.Generation++
			if s.keeps(k) && s.swap(ctx, &stored, next) == nil {
				s.forget()
			}
		}
		cancel()
		if last {
			s.forget()
		}
	}
}

func (s *Session) keeps(k *kept) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept == k
}

func (s *Session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept != nil {
		s.kept.release()
		s.kept = nil
	}
}

// current returns what is to be made of a stored record: the kept one, in
// the generation of the stored one, or else the stored one, which then is
// somebody's later word.
func (s *Session) current(stored *Record) *Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		return stored
	}
	spent, next := s.kept.spent, s.kept.next
	overtaken := next.sameGrant(spent) && stored.Generation != spent.Generation // no token would be lost
	if overtaken || !stored.sameGrant(spent) {
		s.kept.release()
		s.kept = nil
		return stored
	}
	rec := new(*next)
	rec.Generation = stored.Generation
	return rec
}

// look returns the record as far as it is known without waiting.
func (s *Session) look() (*Record, error) {
	stored, err := s.opts.Store.Peek()
	if err != nil {
		return nil, err
	}
	return s.current(&stored), nil
}

// load returns the record as it is.
func (s *Session) load(ctx context.Context) (*Record, error) {
	stored, err := s.opts.Store.Load(ctx)
	if err != nil {
		return nil, err
	}
	rec := s.current(&stored)
	if rec.Writer != s.id {
		s.observe(rec)
	}
	return rec, nil
}

// swap writes next in place of old, in this Session's name.
func (s *Session) swap(ctx context.Context, old, next *Record) error {
	next.Writer = s.id
	return s.opts.Store.CompareAndSwap(ctx, *old, *next)
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
	_, bad := errors.AsType[*RecordError](err)
	return bad
}
