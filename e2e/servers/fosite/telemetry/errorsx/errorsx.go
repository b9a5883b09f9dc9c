// Package errorsx is what fosite uses of the package of that name.
package errorsx

import "github.com/pkg/errors"

type (
	StatusCodeCarrier interface{ StatusCode() int }
	RequestIDCarrier  interface{ RequestID() string }
	ReasonCarrier     interface{ Reason() string }
	DebugCarrier      interface{ Debug() string }
	StatusCarrier     interface{ Status() string }
)

// Cause returns the innermost cause of err that there is.
func Cause(err error) error {
	for {
		causer, ok := err.(interface{ Cause() error })
		if !ok || causer.Cause() == nil {
			return err
		}
		err = causer.Cause()
	}
}

// WithStack adds a stack trace to an error that has none.
func WithStack(err error) error {
	if e, ok := err.(interface{ StackTrace() errors.StackTrace }); ok && len(e.StackTrace()) > 0 {
		return err
	}
	return errors.WithStack(err)
}
