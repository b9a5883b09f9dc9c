package authserver

import "time"

// An Outcome is what became of a presented refresh token.
type Outcome string

const (
	OutcomePending Outcome = "pending" // not decided yet
	OutcomeRotated Outcome = "rotated" // new tokens, the presented one is spent
	OutcomeGrace   Outcome = "grace"   // it was spent before, within the grace period: new tokens again
	OutcomeKept    Outcome = "kept"    // a new access token alone, the presented one stays good
	OutcomeReuse   Outcome = "reuse"   // it was spent before: the family is revoked
	OutcomeRevoked Outcome = "revoked" // the family had been revoked
	OutcomeRefused Outcome = "refused" // the request was wrong in another way; nothing was spent
	OutcomeFailed  Outcome = "failed"  // a Failure befell the request before it was decided
)

// A Presentation is one refresh token in one request to the token endpoint.
type Presentation struct {
	// Generation is 0 for the refresh token that opened the family, and one
	// more than that of the refresh token that was spent for it otherwise.
	Generation int `json:"generation"`

	Arrived  time.Time   `json:"arrived"`
	Decided  time.Time   `json:"decided,omitzero"`
	Answered time.Time   `json:"answered,omitzero"` // just before the answer, or before the failure in place of it
	Outcome  Outcome     `json:"outcome"`
	Failure  FailureKind `json:"failure,omitempty"`
}

// A RevocationReason says why a family was revoked.
type RevocationReason string

const (
	RevokedForReuse     RevocationReason = "reuse"      // of a refresh token
	RevokedForCodeReuse RevocationReason = "code_reuse" // of the authorization code
	RevokedOnRequest    RevocationReason = "request"    // RFC 7009
)

// A Ledger is the truth about one grant: everything that its family of refresh
// tokens went through.
type Ledger struct {
	Grant         string           `json:"grant"`
	User          string           `json:"user"`
	Opened        time.Time        `json:"opened"`
	Presentations []Presentation   `json:"presentations"` // in the order of arrival
	Revoked       time.Time        `json:"revoked,omitzero"`
	RevokedFor    RevocationReason `json:"revoked_for,omitempty"`
}

// Count returns how many presentations had one of these outcomes.
func (l Ledger) Count(outcomes ...Outcome) int {
	n := 0
	for _, p := range l.Presentations {
		for _, o := range outcomes {
			if p.Outcome == o {
				n++
			}
		}
	}
	return n
}

// Totals are those of all grants.
type Totals struct {
	Grants        int                      `json:"grants"`
	Presentations int                      `json:"presentations"`
	Outcomes      map[Outcome]int          `json:"outcomes"` // of those that are decided
	Revoked       map[RevocationReason]int `json:"revoked"`  // families
	Unknown       int                      `json:"unknown"`  // refresh tokens that never existed
}

// Ledger returns that of one grant, if it exists.
func (s *Server) Ledger(grant string) (l Ledger, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[grant]
	if !ok {
		return Ledger{}, false
	}
	l = g.ledger
	l.Presentations = make([]Presentation, len(g.presentations))
	for i, p := range g.presentations {
		l.Presentations[i] = *p
	}
	return l, true
}

// Totals returns the totals.
func (s *Server) Totals() Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := Totals{
		Grants:   len(s.grants),
		Outcomes: make(map[Outcome]int),
		Revoked:  make(map[RevocationReason]int),
		Unknown:  s.unknown,
	}
	for _, g := range s.grants {
		t.Presentations += len(g.presentations)
		for _, p := range g.presentations {
			if p.Outcome != OutcomePending {
				t.Outcomes[p.Outcome]++
			}
		}
		if g.revoked() {
			t.Revoked[g.ledger.RevokedFor]++
		}
	}
	return t
}
