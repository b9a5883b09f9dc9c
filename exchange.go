package onerefresh

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

type outcome struct {
	answer Response
	err    error
}

// exchange presents rec's refresh token. If the network fails, it does so once
// more, at once: within a server's grace period that brings the answer that
// was lost, and without one nothing is left to lose. Unless the lock is lost: then
// a peer may have got that answer by now.
//
// No caller's context reaches it: a spent refresh token whose answer is
// dropped is a lost session.
func (s *Session) exchange(held context.Context, rec *Record) (*Response, error) {
	ctx, cancel := withTimeout(context.Background(), s.opts.ExchangeTimeout)
	defer cancel()
	begin := s.now()
	for retried := false; ; retried = true {
		result := make(chan *outcome, 1)
		go s.present(ctx, rec.Token.RefreshToken, result)
		o, ok := s.outcome(ctx, begin, result)
		if !ok {
			go s.rescue(rec, result)
			return new(Response), errTimeout
		}
		if o.err == nil || retried || ctx.Err() != nil || held.Err() != nil || s.opts.Provider.classify(o.err) != noAnswer {
			return &o.answer, o.err
		}
		rec.Attempt.Count++
	}
}

// outcome waits for that of an exchange until ctx ends. A process that was
// frozen finds when it wakes up that the time is over, and the answer not yet
// delivered: it gets a while more, before the lock goes to a peer that would
// send the spent refresh token again.
func (s *Session) outcome(ctx context.Context, begin time.Time, result <-chan *outcome) (o *outcome, ok bool) {
	select {
	case o = <-result:
		return o, true
	case <-ctx.Done():
	}
	if s.now().Sub(begin) < s.opts.ExchangeTimeout+overslept {
		return nil, false
	}
	awake, cancel := withTimeout(context.Background(), wakeTime)
	defer cancel()
	select {
	case o = <-result:
		return o, true
	case <-awake.Done():
		return nil, false
	}
}

const (
	overslept = 500 * time.Millisecond // a timer that is later than that was frozen
	wakeTime  = 8 * time.Second        // until what came meanwhile has been delivered
)

// present sends on result in any case, so that an adapter that panics or ends
// its goroutine does not leave anyone waiting.
func (s *Session) present(ctx context.Context, refreshToken string, result chan<- *outcome) {
	o := &outcome{err: errors.New("onerefresh: the refresher did not return")}
	defer func() {
		recover()
		result <- o
	}()
	begin := time.Now()
	o.answer, o.err = s.opts.Provider.Complete(s.opts.Refresher.Refresh(ctx, refreshToken))
	if o.err == nil {
		o.err = o.answer.check()
	}
	if o.err == nil {
		// The server may have answered long before that was received: by a tab
		// that was frozen, say. What an answer usually takes is within the margin.
		late := max(0, time.Since(begin)-clockSlack)
		o.answer.ExpiresIn = max(0, o.answer.ExpiresIn-late)
	}
}

// rescue persists an answer that comes after the timeout all the same, if
// nobody has refreshed the session meanwhile. Of a broken one the refresh token
// counts.
func (s *Session) rescue(rec *Record, result <-chan *outcome) {
	o := <-result
	if o.err != nil {
		if s.opts.Provider.classify(o.err) != broken || o.answer.RefreshToken == "" {
			return
		}
		o.answer = Response{RefreshToken: o.answer.RefreshToken}
	}
	s.persist(rec, &o.answer)
	s.deliver()
}

// refused says what becomes of a session whose exchange failed with err.
func (s *Session) refused(rec *Record, rejected *string, answer *Response, err error) (*Token, error) {
	ctx, cancel := withTimeout(context.Background(), replacedTimeout+persistTimeout)
	defer cancel()
	next := new(*rec)
	next.Generation++
	next.Cooldown = s.cooldown(rec, err)
	switch class := s.opts.Provider.classify(err); class {
	case permanent:
		if s.replaced(ctx, rec) {
			return nil, errAgain // a peer won: adopt what it has
		}
		next = &Record{Generation: rec.Generation + 1, Epoch: rec.Epoch, Ended: endedBy(rec, err)}
	case broken:
		// The refresh token was spent, whatever else is wrong with the answer.
		if answer.RefreshToken != "" {
			next.Token.RefreshToken = answer.RefreshToken
			next.Attempt = Attempt{}
		}
	case transient, misconfigured:
		// It was refused, and so not spent; what became of any presentation
		// before this one is as unknown as it was.
		if next.Attempt.Count--; next.Attempt.Count == 0 {
			next.Attempt = Attempt{}
		}
	}

	if err := s.swap(ctx, rec, next); err == ErrConflict {
		return nil, errAgain
	} else if err != nil {
		s.keep(rec, next) // whatever it says holds for this Session at least
	}
	s.observe(next)
	if token, settled, err := s.judge(next, rejected); settled {
		return token, err
	}
	return nil, errAgain
}

// replaced reports whether the refresh token that was refused is no longer the
// session's. Writers that know no lock may take a moment to become visible.
func (s *Session) replaced(ctx context.Context, rec *Record) bool {
	for _, wait := range [...]time.Duration{0, 50 * time.Millisecond, 250 * time.Millisecond, time.Second} {
		time.Sleep(wait)
		if current, err := s.load(ctx); err == nil && !current.sameGrant(rec) {
			return true
		}
	}
	return false
}

// replacedTimeout is more than replaced takes with a store that answers.
const replacedTimeout = 2 * time.Second

func endedBy(rec *Record, err error) Ended {
	e := Ended{Reason: "invalid_grant", AnswerLost: rec.Attempt.Count > 1}
	if refusal, ok := errors.AsType[*RefreshError](err); ok && refusal.Code != "" {
		e.Reason = refusal.Code
		e.Description = redact(refusal.Description, &rec.Token)
	} else {
		e.Description = err.Error()
	}
	return e
}

const (
	firstBackoff   = time.Second
	longestBackoff = 30 * time.Second

	// longestRetryAfter bounds what a server can ask for.
	longestRetryAfter = time.Hour
)

// cooldown returns the one that follows err: as long as the server asked for,
// or else growing with each failure in a row, with jitter.
func (s *Session) cooldown(rec *Record, err error) Cooldown {
	c := Cooldown{
		At:       s.now().Truncate(time.Millisecond),
		Failures: rec.Cooldown.Failures + 1,
		Code:     CodeTemporarilyUnavailable,
		Reason:   redact(err.Error(), &rec.Token),
	}
	if class := s.opts.Provider.classify(err); class == misconfigured || class == broken && namesField(err) {
		c.Code = CodeMisconfigured
	}
	c.For = longestBackoff
	if shift := c.Failures - 1; shift < 5 {
		c.For = min(firstBackoff<<shift, longestBackoff)
	}
	c.For = c.For/2 + rand.N(c.For/2)
	if refusal, ok := errors.AsType[*RefreshError](err); ok && refusal.RetryAfter > 0 {
		c.For = min(refusal.RetryAfter, longestRetryAfter)
	}
	c.For = c.For.Truncate(time.Millisecond)
	return c
}

func (c Cooldown) err(rest time.Duration) error {
	return &Error{Code: c.Code, Message: c.Reason, RetryAfter: rest}
}
