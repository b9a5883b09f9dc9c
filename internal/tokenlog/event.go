// Package tokenlog reads logs of token endpoints and of their clients, and
// tells the race for a refresh token from sessions that just ended.
//
// It knows JSON (one object a line, an array, or indented), the combined log
// format, key=value text, the exports of Okta's System Log and of Auth0's
// tenant logs, and Keycloak's events. Of what it reads it keeps who, when and
// what became of it, and no token material.
package tokenlog

import "time"

// An Outcome is what became of a presented refresh token.
type Outcome uint8

const (
	Granted Outcome = iota + 1 // it was exchanged
	Refused                    // it was no good
	Reused                     // it had been used before, and the log says so
)

// An Event is one refresh token that was presented.
type Event struct {
	At      int64 // Unix time in nanoseconds; 0 if the record does not say
	Outcome Outcome

	// Empty where the record does not say.
	Client  string
	Session string // or a family of refresh tokens, or a grant
	User    string
	Address string // of the sender, and its user agent if that is known
	Request string // names the request: a server may write more than one record of it
	Code    string // why it was refused
}

// Time returns when it was.
func (e Event) Time() time.Time { return time.Unix(0, e.At).UTC() }
