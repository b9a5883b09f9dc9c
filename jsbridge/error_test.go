//go:build js && wasm

package jsbridge_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

var errorCases = []struct {
	name string
	err  error
	want string // of code, message, retryAfter, ended, and what show makes of cause
}{
	{"of another package", errors.New("failure"),
		`{"code":"internal","message":"failure","cause":{"message":"failure"}}`},
	{"code alone", onerefresh.ErrSignedOut,
		`{"code":"signed_out","message":"signed_out"}`},
	{"wrapped", fmt.Errorf("wrapped: %w", &onerefresh.Error{Code: onerefresh.CodeClosed, Message: "m"}),
		`{"code":"closed","message":"m"}`},
	{"try again", &onerefresh.Error{Code: onerefresh.CodeTemporarilyUnavailable, Message: "m", RetryAfter: 1500 * time.Millisecond},
		`{"code":"temporarily_unavailable","message":"m","retryAfter":1.5}`},
	{"ended", &onerefresh.Error{Code: onerefresh.CodeSessionEnded, Message: "m",
		Ended: onerefresh.Ended{Reason: "invalid_grant", Description: "d", AnswerLost: true}},
		`{"code":"session_ended","message":"m","ended":{"answer_lost":true,"error":"invalid_grant","error_description":"d"}}`},
	{"refused", &onerefresh.Error{Code: onerefresh.CodeMisconfigured, Message: "m",
		Cause: &onerefresh.RefreshError{Status: 401, Code: "invalid_client", Description: "d"}},
		`{"code":"misconfigured","message":"m","cause":{"error":"invalid_client","error_description":"d","status":401}}`},
	{"field", &onerefresh.Error{Code: onerefresh.CodeInvalidOptions, Message: "m",
		Cause: fmt.Errorf("wrapped: %w", &onerefresh.FieldError{Field: "expires_in", Problem: "p"})},
		`{"code":"invalid_options","message":"m","cause":{"field":"expires_in"}}`},
	{"record", &onerefresh.Error{Code: onerefresh.CodeInternal, Message: "m", Cause: &onerefresh.RecordError{Field: "f"}},
		`{"code":"internal","message":"m","cause":{"field":"f"}}`},
	{"ours because of ours", &onerefresh.Error{Code: onerefresh.CodeAborted, Message: "m", Cause: onerefresh.ErrClosed},
		`{"code":"aborted","message":"m","cause":{"message":"closed"}}`},
	{"because of another", &onerefresh.Error{Code: onerefresh.CodeAborted, Message: "m", Cause: context.Canceled},
		`{"code":"aborted","message":"m","cause":{"message":"context canceled"}}`},
}

// show returns the properties of an error as JSON, those of objects in the
// order of the alphabet, as a Go map has none.
const show = `(e) => {
	const sorted = (o) => o && typeof o === "object"
		? Object.fromEntries([...new Set([...Object.keys(o), ...(o instanceof Error ? ["message"] : [])])].filter((k) => k !== "code" && k !== "name")
			.sort().map((k) => [k, sorted(o[k])])) : o;
	const { code, message, retryAfter, ended, cause } = e;
	return JSON.stringify({ code, message, retryAfter, ended: sorted(ended), cause: sorted(cause) });
}`

func TestErrorValue(t *testing.T) {
	for _, class := range []string{
		`undefined`,
		`class OneRefreshError extends Error {
			constructor(code, message, { cause, retryAfter, ended }) {
				super(message);
				Object.assign(this, { code, cause, retryAfter, ended });
			}
			get name() { return "OneRefreshError"; }
		}`,
		`class { constructor() { throw new Error("broken"); } }`,
	} {
		jsbridge.SetErrorClass(eval(t, class))
		for _, c := range errorCases {
			v := jsbridge.ErrorValue(c.err)
			got, err := eval(t, show).Invoke(v)
			if err != nil {
				t.Fatal(err)
			}
			if s, _ := got.Text(); s != c.want {
				t.Errorf("%s: got %s, want %s", c.name, s, c.want)
			}
			if name := text(t, v, "name"); name != "OneRefreshError" {
				t.Errorf("%s: name is %q", c.name, name)
			}
			if is, _ := eval(t, `(e) => e instanceof Error`).Invoke(v); !is.Equal(jsbridge.ValueOf(true)) {
				t.Errorf("%s: it is no Error", c.name)
			}
		}
	}
	jsbridge.SetErrorClass(jsbridge.Undefined())
	alive(t)
}

func TestErrorValueUsesTheClass(t *testing.T) {
	class := eval(t, `class {}`)
	jsbridge.SetErrorClass(class)
	defer jsbridge.SetErrorClass(jsbridge.Undefined())
	if is, _ := eval(t, `(c, e) => e instanceof c`).Invoke(class, jsbridge.ErrorValue(errors.New("failure"))); !is.Equal(jsbridge.ValueOf(true)) {
		t.Error("ErrorValue does not use the class")
	}
}

func TestErrorValueKeepsWhatWasThrown(t *testing.T) {
	for _, expression := range []string{`new TypeError("no")`, `"text"`, `null`, `{ get message() { throw 1; } }`} {
		thrown := eval(t, expression)
		_, err := eval(t, `(e) => { throw e; }`).Invoke(thrown)
		for _, err := range []error{err, &onerefresh.Error{Code: onerefresh.CodeAborted, Cause: err}} {
			if cause, _ := jsbridge.ErrorValue(err).Get("cause"); !cause.Equal(thrown) {
				t.Errorf("%s: the cause is something else", expression)
			}
		}
	}
}

func TestErrorValueOfNil(t *testing.T) {
	if !jsbridge.ErrorValue(nil).IsUndefined() {
		t.Error("it is not undefined")
	}
}
