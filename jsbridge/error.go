//go:build js && wasm

package jsbridge

import (
	"errors"

	"github.com/onerefresh/onerefresh"
)

var errPanic error = &onerefresh.Error{Code: onerefresh.CodeInternal, Message: "the program panicked"}

// class is the constructor OneRefreshError, or undefined.
var class Value

// SetErrorClass sets the class of which [ErrorValue] makes its values. It is
// constructed with a code, a message, and an object that holds those of cause,
// retryAfter and ended that apply.
func SetErrorClass(ctor Value) { class = ctor }

// ErrorValue returns err as a OneRefreshError: an Error with the properties
//
//	code         that of the [*onerefresh.Error] in err; without one "internal"
//	message
//	cause        what was thrown, for an [*Exception];
//	             {status, error, error_description} for an [*onerefresh.RefreshError];
//	             {field} for an [*onerefresh.FieldError] and an [*onerefresh.RecordError];
//	             an Error for any other cause
//	retryAfter   in seconds, if there is one
//	ended        {error, error_description, answer_lost}, if the session ended
//
// Without a class, see [SetErrorClass], it is a plain Error with these and the
// name OneRefreshError. For nil it returns undefined.
func ErrorValue(err error) Value {
	if err == nil {
		return Undefined()
	}
	code, message := onerefresh.CodeInternal, err.Error()
	details := make(map[string]any)
	if e, ok := errors.AsType[*onerefresh.Error](err); ok {
		code, message, err = e.Code, e.Message, e.Cause
		if message == "" {
			message = string(code)
		}
		if e.RetryAfter > 0 {
			details["retryAfter"] = e.RetryAfter.Seconds()
		}
		if e.Ended.Reason != "" {
			details["ended"] = map[string]any{
				"error":             e.Ended.Reason,
				"error_description": e.Ended.Description,
				"answer_lost":       e.Ended.AnswerLost,
			}
		}
	}
	if cause := causeValue(err); !cause.IsUndefined() {
		details["cause"] = cause
	}
	if class.IsFunction() {
		if v, err := class.New(string(code), message, details); err == nil {
			return v
		}
	}
	v, _ := construct(errorClass, message)
	v.Set("name", "OneRefreshError")
	v.Set("code", string(code))
	for name, detail := range details {
		v.Set(name, detail)
	}
	return v
}

func causeValue(err error) Value {
	if err == nil {
		return Undefined()
	}
	if thrown, ok := errors.AsType[*Exception](err); ok && !thrown.Value.IsUndefined() {
		return thrown.Value
	}
	if refused, ok := errors.AsType[*onerefresh.RefreshError](err); ok {
		return ValueOf(map[string]any{
			"status":            refused.Status,
			"error":             refused.Code,
			"error_description": refused.Description,
		})
	}
	if broken, ok := errors.AsType[*onerefresh.FieldError](err); ok {
		return ValueOf(map[string]any{"field": broken.Field})
	}
	if bad, ok := errors.AsType[*onerefresh.RecordError](err); ok {
		return ValueOf(map[string]any{"field": bad.Field})
	}
	if own, ok := errors.AsType[*onerefresh.Error](err); ok {
		return ErrorValue(own)
	}
	v, _ := construct(errorClass, err.Error())
	return v
}
