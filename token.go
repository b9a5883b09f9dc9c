package onerefresh

import (
	"maps"
	"time"
)

// A Token is what an authorization server grants: an access token, and what
// came with it. See https://www.rfc-editor.org/rfc/rfc6749#section-5.1.
type Token struct {
	AccessToken  string
	TokenType    string
	RefreshToken string
	Scope        string
	IDToken      string

	// Extra holds the further members of the answer by name, each as JSON text.
	Extra map[string]string

	// Received is when the answer came, and Expiry when the access token ends:
	// its lifetime after that, less what the answer took beyond two seconds. Both
	// are by the local clock, to the millisecond.
	Received, Expiry time.Time
}

// String returns a text without token material.
func (t Token) String() string { return "onerefresh.Token(redacted)" }

// GoString returns a text without token material.
func (t Token) GoString() string { return t.String() }

// live reports whether the access token can be used at now with margin to
// spare. The margin is at most a quarter of the lifetime: a token that lives
// for a minute must not count as stale on arrival. A clock that shows a time
// before the token was received was set back, and cannot vouch for it.
func (t *Token) live(now time.Time, margin time.Duration) bool {
	margin = min(margin, t.Expiry.Sub(t.Received)/4)
	return t.AccessToken != "" &&
		!now.Before(t.Received.Add(-clockSlack)) &&
		now.Before(t.Expiry.Add(-margin))
}

// clockSlack is by how much two readings of one machine's clock may disagree:
// browsers coarsen it, and it is slewed.
const clockSlack = 2 * time.Second

// A Response is a successful answer of the token endpoint.
// See https://www.rfc-editor.org/rfc/rfc6749#section-5.1.
type Response struct {
	AccessToken  string
	TokenType    string
	ExpiresIn    time.Duration
	RefreshToken string            // empty: the one that was presented stays good
	Scope        string            // empty: as before
	IDToken      string            // empty: as before
	Extra        map[string]string // further members by name, each as JSON text
}

// String returns a text without token material.
func (r Response) String() string { return "onerefresh.Response(redacted)" }

// GoString returns a text without token material.
func (r Response) GoString() string { return r.String() }

// check returns a [*FieldError] for the first field that breaks the contract.
func (r *Response) check() error {
	switch {
	case r.AccessToken == "":
		return &FieldError{Field: "access_token", Problem: "missing or empty"}
	case r.ExpiresIn < 0:
		return &FieldError{Field: "expires_in", Problem: "negative"}
	}
	return nil
}

// merge returns the token that r makes of t: what the answer omits is kept.
// Google omits refresh_token, for one.
func (t *Token) merge(r *Response, now time.Time) Token {
	keep := func(old, new string) string {
		if new == "" {
			return old
		}
		return new
	}
	now = now.Truncate(time.Millisecond)
	m := Token{
		AccessToken:  keep(t.AccessToken, r.AccessToken),
		TokenType:    keep(t.TokenType, r.TokenType),
		RefreshToken: keep(t.RefreshToken, r.RefreshToken),
		Scope:        keep(t.Scope, r.Scope),
		IDToken:      keep(t.IDToken, r.IDToken),
		Received:     now,
		Expiry:       now.Add(r.ExpiresIn).Truncate(time.Millisecond),
	}
	if len(t.Extra)+len(r.Extra) > 0 {
		m.Extra = make(map[string]string, len(t.Extra)+len(r.Extra))
		maps.Copy(m.Extra, t.Extra)
		maps.Copy(m.Extra, r.Extra)
	}
	return m
}
