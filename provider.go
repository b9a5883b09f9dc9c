package onerefresh

import "errors"

// A Provider names what is known of an authorization server.
type Provider string

const (
	// Generic is a server that keeps to RFC 6749. What it does on reuse is
	// taken to be the strictest: it ends the session.
	Generic Provider = "generic"

	// Medplum answers a spent or unknown refresh token with invalid_request.
	Medplum Provider = "medplum"
)

func (p Provider) known() bool { return p == "" || p == Generic || p == Medplum }

// A class of failures says what is known of the refresh token that was sent.
type class int

const (
	noAnswer      class = iota // may have been spent, and nobody said anything
	unclear                    // may have been spent, and a server or gateway failed
	broken                     // spent, and the answer breaks the contract
	transient                  // not spent: the server did not look at it
	misconfigured              // not spent: the server does not want this client or request
	permanent                  // no good, and never will be again
)

// classify says what err, of a [Refresher], means. Permanent is only what is
// known to be: everything else keeps the session.
func (p Provider) classify(err error) class {
	var refusal *RefreshError
	var field *FieldError
	switch {
	case errors.Is(err, ErrNoRefreshToken):
		return permanent
	case errors.As(err, &field):
		return broken
	case !errors.As(err, &refusal):
		return noAnswer
	}
	switch refusal.Status {
	case 408, 425, 429:
		return transient
	}
	if refusal.Status >= 500 {
		return unclear
	}
	// https://www.rfc-editor.org/rfc/rfc6749#section-5.2
	switch refusal.Code {
	case "invalid_grant":
		return permanent
	case "invalid_request":
		if p == Medplum {
			return permanent
		}
		return misconfigured
	case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		return misconfigured
	}
	return unclear
}

// namesField reports whether err is about a member of an answer that is a
// token response otherwise, as opposed to, say, the page of a captive portal.
func namesField(err error) bool {
	var field *FieldError
	return errors.As(err, &field) && field.Field != ""
}
