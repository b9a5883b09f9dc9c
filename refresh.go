package onerefresh

import (
	"context"
	"errors"
	"time"
)

var (
	errNews      = errors.New("onerefresh: a peer has settled it")    // ends a wait for the lock
	errAgain     = errors.New("onerefresh: another turn is needed")   // ends a turn without a result
	errSlow      = errors.New("onerefresh: the store takes its time") // ends a turn that is to go on outside the lock
	errTimeout   = errors.New("onerefresh: there was no answer in time")
	errOverslept = errors.New("onerefresh: the time was over while this process was frozen")
)

// refresh brings a flight to its end.
func (s *Session) refresh(f *flight) (*Token, error) {
	frozen, token, err := s.turns(f)
	if frozen {
		frozen, token, err = s.turns(f)
	}
	if frozen {
		err = lockTimeout()
	}
	if err != nil && !s.isClosed() {
		if token, ok := s.lastResort(f.rejected); ok {
			return token, nil
		}
	}
	return token, err
}

// turns takes turns until one comes to a result: a turn ends without one if a
// sign-in or a sign-out came in between, or the lock was lost. It reports whether
// they ended with LockTimeout because this process was frozen, and not because it
// was kept waiting.
func (s *Session) turns(f *flight) (frozen bool, token *Token, err error) {
	patience, end := context.WithCancelCause(s.open)
	defer end(nil)
	due := s.now().Add(s.opts.LockTimeout)
	timer := time.AfterFunc(s.opts.LockTimeout, func() {
		if s.now().Sub(due) > overslept {
			end(errOverslept)
		} else {
			end(errTimeout)
		}
	})
	defer timer.Stop()
	for {
		token, err = s.turn(patience, f)
		if err != errAgain {
			return err == errOverslept, token, err
		}
	}
}

// turn queues for the lock, and leaves the queue as soon as a peer's write
// settles the question: twenty tabs do not file through one by one.
func (s *Session) turn(patience context.Context, f *flight) (*Token, error) {
	waiting, cancel := context.WithCancelCause(patience)
	defer cancel(nil)
	look := func() {
		switch _, settled, err := s.judgePeeked(f.rejected); {
		case settled && err == nil:
			f.tell()
			time.AfterFunc(afterNews, func() { cancel(errNews) })
		case settled:
			cancel(errNews)
		}
	}
	defer s.opts.Store.Watch(look)()
	look() // for what was written before the watch began

	if _, err := s.look(); isRecordError(err) {
		if token, err := s.reload(waiting, f); err != errAgain {
			return token, err
		}
	}
	held, unlock, err := s.opts.Locker.Lock(waiting, s.opts.Name)
	if err != nil {
		return s.turnedAway(waiting, f.rejected, err)
	}
	s.hush()
	token, err := s.underLock(held, f)
	unlock()
	s.unhush()

	if busy, ok := err.(*peerSending); ok {
		return nil, s.await(waiting, busy)
	}
	if err == errSlow {
		return s.reload(waiting, f)
	}
	return token, err
}

// reload loads the record outside the lock, and returns errAgain if it can be
// read. A store may take seconds to be sure that it cannot: those are spent by
// all tabs at once, and not by one after the other.
func (s *Session) reload(waiting context.Context, f *flight) (*Token, error) {
	f.reloaded = true
	switch _, err := s.load(waiting); {
	case err == nil:
		return nil, errAgain
	case waiting.Err() != nil:
		return s.turnedAway(waiting, f.rejected, err)
	default:
		return nil, s.storeError(waiting, err)
	}
}

// slowLoad is how long the lock is held for a read, which usually takes a few
// milliseconds. What takes longer is waited for outside of it, once.
const slowLoad = 250 * time.Millisecond

// loadUnderLock returns the record as it is, or errSlow.
func (s *Session) loadUnderLock(held context.Context, f *flight) (*Record, error) {
	if f.reloaded {
		return s.load(held)
	}
	ctx, cancel := withTimeout(held, slowLoad)
	defer cancel()
	rec, err := s.load(ctx)
	if err != nil && !isRecordError(err) && context.Cause(ctx) == errTimeout {
		err = errSlow
	}
	return rec, err
}

// afterNews is how long a flight stays in the queue when its callers have been
// answered: to leave is work, and all tabs would do it in the very moment in
// which other tabs have yet to hear the news.
const afterNews = 30 * time.Millisecond

// underLock is the critical section. Nothing happens in it but a read, one
// exchange with a timeout, and the writes around it.
//
// The read may be of an old copy of the record. That does no harm: to put the
// attempt on record is a compare-and-swap, and fails unless what was read is
// what is stored.
func (s *Session) underLock(held context.Context, f *flight) (*Token, error) {
	rec, err := s.look()
	if err != nil || !rec.signedIn() {
		rec, err = s.loadUnderLock(held, f)
	}
	for {
		if err == errSlow {
			return nil, errSlow
		}
		if err != nil {
			return nil, s.lockedError(held, err)
		}
		if token, settled, err := s.judge(rec, f.rejected); settled {
			return token, err // a peer was here: no exchange
		}
		if err := s.peerSending(held, rec); err != nil {
			return nil, err
		}
		attempt, conflict := s.recordAttempt(held, rec)
		if conflict == nil && held.Err() != nil {
			s.withdrawAttempt(rec, attempt)
			return nil, errAgain
		}
		if conflict == nil {
			rec = attempt
			break
		}
		if conflict != ErrConflict {
			return nil, s.lockedError(held, conflict) // nothing is sent that could not be put on record
		}
		rec, err = s.loadUnderLock(held, f)
	}
	answer, err := s.exchange(held, rec)
	if err != nil && held.Err() != nil && !f.resent && s.opts.Provider.classify(err) == noAnswer {
		f.resent = true
		return nil, errAgain // what exchange does without another turn while the lock is held
	}
	if err != nil {
		return s.refused(rec, f.rejected, answer, err)
	}
	return s.persist(rec, answer)
}

// lockedError says what becomes of a turn whose store failed under the lock.
func (s *Session) lockedError(held context.Context, err error) error {
	if context.Cause(held) == ErrLockLost {
		return errAgain
	}
	return s.storeError(held, err)
}

// turnedAway says what becomes of a wait for the lock that failed with err.
func (s *Session) turnedAway(waiting context.Context, rejected *string, err error) (*Token, error) {
	token, settled, judged := s.judgePeeked(rejected)
	if settled {
		return token, judged
	}
	switch context.Cause(waiting) {
	case errNews:
		return nil, errAgain
	case ErrClosed:
		return nil, closed()
	case errOverslept:
		return nil, errOverslept
	case errTimeout:
		return nil, lockTimeout()
	}
	return nil, &Error{Code: CodeTemporarilyUnavailable, Message: "the lock cannot be had", Cause: err}
}

func lockTimeout() error {
	return &Error{Code: CodeLockTimeout, Message: "a peer held the lock for too long"}
}

// lastResort returns the access token that is within its margin, but has not
// expired yet: better than an error.
func (s *Session) lastResort(rejected *string) (*Token, bool) {
	rec, err := s.look()
	if err != nil || !usable(rec, rejected, s.now(), 0) {
		return nil, false
	}
	return &rec.Token, true
}

// judge says whether rec settles the question without an exchange, and how.
func (s *Session) judge(rec *Record, rejected *string) (token *Token, settled bool, err error) {
	now := s.now()
	switch {
	case rec.Ended.Reason != "":
		return nil, true, sessionEnded(&rec.Ended)
	case !rec.signedIn():
		return nil, true, &Error{Code: CodeSignedOut, Message: "nobody is signed in"}
	case usable(rec, rejected, now, s.opts.ExpiryMargin):
		return &rec.Token, true, nil
	}
	if rest := rec.Cooldown.remaining(now); rest > 0 {
		if usable(rec, rejected, now, 0) {
			return &rec.Token, true, nil // a failed early refresh is nobody's problem
		}
		return nil, true, rec.Cooldown.err(rest)
	}
	return nil, false, nil
}

func (s *Session) judgePeeked(rejected *string) (token *Token, settled bool, err error) {
	rec, err := s.look()
	if err != nil || !rec.signedIn() {
		return nil, false, nil // whoever holds the lock loads it, and finds out
	}
	return s.judge(rec, rejected)
}

func usable(rec *Record, rejected *string, now time.Time, margin time.Duration) bool {
	return rec.Token.live(now, margin) && (rejected == nil || rec.Token.AccessToken != *rejected)
}

// peerSending returns an error if the record tells of an attempt that is not
// over. Where the lock reaches everyone, its holder is gone, or has an answer
// that it could not store. Where it reaches this process alone, a peer may be at
// it, and the error is a *peerSending.
func (s *Session) peerSending(held context.Context, rec *Record) error {
	if rec.Attempt.Count == 0 || rec.Attempt.By == s.id {
		return nil
	}
	if s.keptElsewhere(held) {
		return &Error{Code: CodeTemporarilyUnavailable, Message: "a peer could not store the token that it obtained", RetryAfter: firstBackoff}
	}
	if s.opts.Locker.Shared() {
		return nil
	}
	now := s.now()
	until := rec.Attempt.At.Add(s.opts.ExchangeTimeout + clockSlack)
	if now.Before(rec.Attempt.At.Add(-clockSlack)) || !now.Before(until) {
		return nil // it has given up, or died
	}
	return &peerSending{rec.Generation, until.Sub(now)}
}

type peerSending struct {
	generation uint64        // of the record that says so
	rest       time.Duration // until it has given up
}

func (*peerSending) Error() string { return "onerefresh: a peer is refreshing" }

// await waits until the peer has written what became of its attempt, or has
// given up.
func (s *Session) await(waiting context.Context, peer *peerSending) error {
	ctx, cancel := withTimeout(waiting, peer.rest)
	defer cancel()
	look := func() {
		if rec, err := s.look(); err == nil && rec.Generation > peer.generation {
			cancel()
		}
	}
	defer s.opts.Store.Watch(look)()
	look() // for what was written before the watch began
	<-ctx.Done()
	return errAgain
}

// recordAttempt puts on record that the refresh token is about to be sent. If
// this process dies with it, the next holder knows that it may be spent.
func (s *Session) recordAttempt(held context.Context, rec *Record) (*Record, error) {
	next := *rec
	next.Generation++
	next.Attempt = Attempt{At: s.now().Truncate(time.Millisecond), By: s.id, Count: rec.Attempt.Count + 1}
	if err := s.swap(held, rec, &next); err != nil {
		return nil, err
	}
	s.observe(&next)
	return &next, nil
}

// withdrawAttempt takes an attempt off the record that nothing was sent for. A peer
// may have the lock by now; what it has written stays.
func (s *Session) withdrawAttempt(before, attempt *Record) {
	ctx, cancel := withTimeout(context.Background(), persistTimeout)
	defer cancel()
	next := *before
	next.Generation = attempt.Generation + 1
	if s.swap(ctx, attempt, &next) == nil {
		s.observe(&next)
	}
}

// persist writes the answer to the exchange of rec's refresh token, unless
// the session has been signed out or replaced meanwhile.
func (s *Session) persist(rec *Record, answer *Response) (*Token, error) {
	ctx, cancel := withTimeout(context.Background(), persistTimeout)
	defer cancel()
	now := s.now()
	next := &Record{Epoch: rec.Epoch, Token: rec.Token.merge(answer, now)}
	if !next.Token.live(now, 0) {
		// One caller gets it, and the next one must not ask at once for another.
		next.Cooldown = s.cooldown(rec, &FieldError{Field: "expires_in", Problem: "the token is stale on arrival"})
	}
	for {
		next.Generation = rec.Generation + 1
		err := s.swap(ctx, rec, next)
		if err == ErrConflict {
			var current *Record
			if current, err = s.load(ctx); err == nil {
				if !current.sameGrant(rec) {
					return nil, s.discard(ctx, current, rec, &next.Token)
				}
				rec = current
				continue
			}
		}
		if err != nil {
			s.keep(rec, next)
			s.report(&Error{Code: CodeTemporarilyUnavailable, Message: "the new token is kept in memory, as it could not be stored", Cause: err})
		}
		s.observe(next)
		return &next.Token, nil
	}
}

// persistTimeout bounds a write after an exchange; what could not be written
// by then is kept in memory.
const persistTimeout = 5 * time.Second

// discard drops an answer that came too late, and has it revoked if it belongs
// to a sign-in that is no more. If a peer has refreshed the same sign-in, to
// revoke would end what the peer lives on. So might another client, whose
// records have an Epoch and no Writer.
//
// A record that other code has removed is put on record as that. In Chromium a
// tab that calls localStorage.clear() while another's write is on its way to it
// shows that write from then on, and would present its refresh token again.
func (s *Session) discard(ctx context.Context, current, rec *Record, late *Token) error {
	another := current.Writer == "" && current.Epoch != 0
	if current.Epoch != rec.Epoch && !another || !current.signedIn() {
		go s.revoke(late.RefreshToken)
	}
	if removed := !current.signedIn() && current.Writer == "" && current.Generation > rec.Generation; removed {
		out := &Record{Generation: current.Generation + 1}
		if s.swap(ctx, current, out) == nil {
			s.observe(out)
		}
	}
	return errAgain
}

func (s *Session) revoke(refreshToken string) {
	if s.opts.Revoker == nil || refreshToken == "" {
		return
	}
	ctx, cancel := withTimeout(context.Background(), s.opts.ExchangeTimeout)
	defer cancel()
	s.opts.Revoker.Revoke(ctx, refreshToken) // the session is gone either way
}

// withTimeout is context.WithTimeout without what that links into a module:
// the formatting of times.
func withTimeout(parent context.Context, d time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	timer := time.AfterFunc(d, func() { cancel(errTimeout) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}
