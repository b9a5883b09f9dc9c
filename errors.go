package onerefresh

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// A Code says which kind of failure an [Error] is. The JavaScript API has the
// same codes.
type Code string

const (
	CodeSignedOut              Code = "signed_out"              // nobody is signed in
	CodeSessionEnded           Code = "session_ended"           // the authorization server ended the session
	CodeTemporarilyUnavailable Code = "temporarily_unavailable" // the session goes on; try again
	CodeMisconfigured          Code = "misconfigured"           // the session goes on; a developer must look
	CodeLockTimeout            Code = "lock_timeout"            // the session goes on; a peer held the lock for too long
	CodeAborted                Code = "aborted"                 // the caller's context ended
	CodeClosed                 Code = "closed"                  // Close was called
	CodeInvalidOptions         Code = "invalid_options"         // an argument makes no sense; Error names it
	CodeInternal               Code = "internal"                // a defect, here or in an adapter
)

// An Error is what the methods of [Session] return. It holds no token
// material. Compare with [errors.Is] to one of the Err variables, or look at
// Code.
type Error struct {
	Code    Code
	Message string

	// RetryAfter is how long to wait before trying again, with
	// CodeTemporarilyUnavailable and CodeMisconfigured.
	RetryAfter time.Duration

	// Ended is set with CodeSessionEnded.
	Ended Ended

	// Cause is what an adapter returned, if that led to this error.
	Cause error
}

func (e *Error) Error() string {
	s := "onerefresh: " + string(e.Code)
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is an Error of the same Code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// For comparison with [errors.Is].
var (
	ErrSignedOut              error = &Error{Code: CodeSignedOut}
	ErrSessionEnded           error = &Error{Code: CodeSessionEnded}
	ErrTemporarilyUnavailable error = &Error{Code: CodeTemporarilyUnavailable}
	ErrMisconfigured          error = &Error{Code: CodeMisconfigured}
	ErrLockTimeout            error = &Error{Code: CodeLockTimeout}
	ErrAborted                error = &Error{Code: CodeAborted}
	ErrClosed                 error = &Error{Code: CodeClosed}
	ErrInvalidOptions         error = &Error{Code: CodeInvalidOptions}
	ErrInternal               error = &Error{Code: CodeInternal}
)

// What adapters return.
var (
	// ErrConflict is returned by [Store] when somebody else has written since.
	ErrConflict = errors.New("onerefresh: the record has changed since it was read")

	// ErrLockLost is the cause of a held context whose lock was taken away.
	ErrLockLost = errors.New("onerefresh: the lock was lost")

	// ErrNoRefreshToken is returned by a [Refresher] that needs one.
	ErrNoRefreshToken = errors.New("onerefresh: the session has no refresh token")
)

// A RefreshError is the token endpoint's refusal.
// See https://www.rfc-editor.org/rfc/rfc6749#section-5.2.
type RefreshError struct {
	Status      int    // of HTTP
	Code        string // member "error" of the answer; empty if it had none
	Description string // member "error_description"

	// RetryAfter is what the header of that name asks for, relative to when
	// the answer came. See https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3.
	RetryAfter time.Duration
}

func (e *RefreshError) Error() string {
	s := "token endpoint"
	if e.Status != 0 {
		s += ": status " + strconv.Itoa(e.Status)
	}
	for _, part := range []string{e.Code, e.Description} {
		if part != "" {
			s += ": " + part
		}
	}
	return s
}

// A FieldError names the member of a token response that breaks
// https://www.rfc-editor.org/rfc/rfc6749#section-5.1.
type FieldError struct {
	Field   string // "access_token", "expires_in", …; empty where the answer is no JSON object
	Problem string // [Missing], or a text
}

// Missing is the Problem of a [FieldError] for a member that is not there.
const Missing = "missing"

func (e *FieldError) Error() string { return named("token response", e.Field, e.Problem) }

// A RecordError says why what is stored cannot be read as a [Record].
type RecordError struct {
	Where   string // storage key or file
	Field   string // empty where what is stored is no record at all
	Problem string
}

func (e *RecordError) Error() string { return named("stored record "+e.Where, e.Field, e.Problem) }

func named(what, field, problem string) string {
	if field != "" {
		what += ": " + field
	}
	return what + ": " + problem
}

// redact removes the token's material from a text that somebody else wrote,
// such as a description that echoes the request.
func redact(text string, t *Token) string {
	const redacted = "[redacted]"
	for _, secret := range []string{t.AccessToken, t.RefreshToken, t.IDToken} {
		if secret == "" {
			continue
		}
		text = strings.ReplaceAll(text, secret, redacted)
		// Escaped, as in a URL or in HTML, it is still there but for a few
		// characters.
		for begin, end := 0, 0; end <= len(secret); end++ {
			if end < len(secret) && unreserved(secret[end]) {
				continue
			}
			if part := secret[begin:end]; len(part) >= 8 {
				text = strings.ReplaceAll(text, part, redacted)
			}
			begin = end + 1
		}
	}
	return text
}

// unreserved reports whether no way of escaping changes c.
// See https://www.rfc-editor.org/rfc/rfc3986#section-2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

func sessionEnded(e *Ended) error {
	message := e.Reason
	if e.Description != "" {
		message += ": " + e.Description
	}
	if e.AnswerLost {
		message += " (the answer to an earlier refresh was lost)"
	}
	return &Error{Code: CodeSessionEnded, Message: message, Ended: *e}
}
