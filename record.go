package onerefresh

import "time"

// A Record is the whole state of a session, as all who share it see it. The
// zero Record is that of a session nobody has signed in to.
type Record struct {
	// Generation grows with every swap. Whoever writes names the generation
	// that was read, and loses to any other write since.
	Generation uint64

	// Writer names the [Session] that wrote the record. It serves to tell
	// one's own writes from a peer's. It is empty where other code wrote it.
	Writer string

	// Epoch is the generation at which the user signed in. Records of one
	// epoch belong to one grant. Without a Writer it is any number that tells
	// the sign-ins of another client apart, which refreshes by itself.
	Epoch uint64

	// Token is the zero Token when nobody is signed in.
	Token Token

	// Attempt is set while the outcome of presenting Token.RefreshToken is
	// not known.
	Attempt Attempt

	// Cooldown keeps everyone from the token endpoint for a while after a
	// failure.
	Cooldown Cooldown

	// Ended tells why the authorization server ended the session.
	Ended Ended
}

// An Attempt is recorded before a refresh token is sent. If its writer dies,
// the next holder of the lock learns from it that the token may be spent.
type Attempt struct {
	At    time.Time
	By    string // Writer of the Session that sent it
	Count int    // presentations of this refresh token with no known outcome
}

// A Cooldown follows a failure that says nothing about the session.
type Cooldown struct {
	At       time.Time
	For      time.Duration
	Failures int    // in a row
	Code     Code   // of the error that all callers get meanwhile
	Reason   string // its text, without token material
}

// remaining returns how long the cooldown still lasts. A clock that was set
// back to before its begin does not prolong it.
func (c *Cooldown) remaining(now time.Time) time.Duration {
	if now.Before(c.At.Add(-clockSlack)) {
		return 0
	}
	return max(0, c.At.Add(c.For).Sub(now))
}

// Ended is the answer with which the authorization server ended a session.
type Ended struct {
	// Reason is the error code of RFC 6749 section 5.2, such as
	// "invalid_grant". It is empty while the session goes on.
	Reason      string
	Description string

	// AnswerLost reports that the refresh token had been presented before
	// without its answer being received: a tab died or the network failed in
	// mid-exchange, and a server without a grace period cannot tell that from
	// theft.
	AnswerLost bool
}

// signedIn reports whether the record holds a session that goes on.
func (r *Record) signedIn() bool { return r.Token.AccessToken != "" || r.Token.RefreshToken != "" }

// sameGrant reports whether r and o hold the same refresh token of the same
// sign-in.
func (r *Record) sameGrant(o *Record) bool {
	return r.signedIn() && r.Epoch == o.Epoch && r.Token.RefreshToken == o.Token.RefreshToken
}
