package onerefresh

// An EventKind says what happened. The JavaScript API has the same names.
type EventKind string

const (
	EventRefreshed    EventKind = "refreshed"    // this Session obtained a new token
	EventAdopted      EventKind = "adopted"      // a peer did, and this Session uses it
	EventSignedIn     EventKind = "signedin"     // here or elsewhere
	EventSignedOut    EventKind = "signedout"    // here or elsewhere, by the user or, with an Err, by the server
	EventRefreshError EventKind = "refresherror" // an exchange of this Session failed, or its answer could not be stored
)

// An Event tells what happened to a session. It holds no token material.
type Event struct {
	Kind       EventKind
	Generation uint64
	Err        error // an [Error], with EventRefreshError and EventSignedOut
}

// notice is called by the store when the record may have changed.
func (s *Session) notice() {
	if rec, err := s.opts.Store.Peek(); err == nil && rec.Writer != s.id {
		s.observe(&rec)
		s.deliver()
	}
}

// observe notes what distinguishes rec from the record seen before it.
func (s *Session) observe(rec *Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.seen
	s.seen = *rec
	own := rec.Writer == s.id
	renewed := rec.Token.AccessToken != was.Token.AccessToken || !rec.Token.Received.Equal(was.Token.Received)
	note := func(kind EventKind, err error) {
		if s.opts.OnEvent != nil && !s.isClosed() {
			s.events = append(s.events, Event{Kind: kind, Generation: rec.Generation, Err: err})
		}
	}
	switch {
	case rec.signedIn() && (rec.Epoch != was.Epoch || !was.signedIn()):
		note(EventSignedIn, nil)
	case was.signedIn() && rec.Ended.Reason != "":
		note(EventSignedOut, sessionEnded(&rec.Ended))
	case was.signedIn() && !rec.signedIn():
		note(EventSignedOut, nil)
	case rec.signedIn() && renewed && own:
		note(EventRefreshed, nil)
	case rec.signedIn() && renewed:
		note(EventAdopted, nil)
	case own && rec.Cooldown.Failures > was.Cooldown.Failures:
		note(EventRefreshError, rec.Cooldown.err(rec.Cooldown.For))
	}
}

// report notes a failure that no record shows.
func (s *Session) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opts.OnEvent != nil {
		s.events = append(s.events, Event{Kind: EventRefreshError, Generation: s.seen.Generation, Err: err})
	}
}

// deliver hands out the events noted so far, one at a time, unless somebody
// else is at it or the lock is held: no caller's code runs under the lock.
func (s *Session) deliver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.quiet == 0 && len(s.events) > 0 {
		event := s.events[0]
		s.events = s.events[1:]
		s.quiet++
		s.mu.Unlock()
		s.opts.OnEvent(event)
		s.mu.Lock()
		s.quiet--
	}
}

func (s *Session) hush() {
	s.mu.Lock()
	s.quiet++
	s.mu.Unlock()
}

func (s *Session) unhush() {
	s.mu.Lock()
	s.quiet--
	s.mu.Unlock()
	s.deliver()
}
