//go:build js && wasm

package main

import (
	"errors"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// eval returns what a JavaScript expression comes to.
func eval(t *testing.T, expression string) jsbridge.Value {
	t.Helper()
	function, err := jsbridge.Global().Get("Function")
	if err != nil {
		t.Fatal(err)
	}
	f, err := function.New("return " + expression)
	if err != nil {
		t.Fatal(err)
	}
	v, err := f.Invoke()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTokenResponse(t *testing.T) {
	v := eval(t, `({access_token: "a", token_type: "Bearer", expires_in: 3599.5, refresh_token: "r",
		scope: "s", id_token: "i", patient: "p1", nested: {b: [1, null]}, f() {}, u: undefined, n: null})`)
	got, err := tokenResponse(v)
	if err != nil {
		t.Fatal(err)
	}
	extra := got.Extra
	got.Extra = nil
	want := onerefresh.Response{
		AccessToken: "a", TokenType: "Bearer", ExpiresIn: 3599*time.Second + 500*time.Millisecond,
		RefreshToken: "r", Scope: "s", IDToken: "i",
	}
	if got.AccessToken != want.AccessToken || got.TokenType != want.TokenType || got.ExpiresIn != want.ExpiresIn ||
		got.RefreshToken != want.RefreshToken || got.Scope != want.Scope || got.IDToken != want.IDToken {
		t.Errorf("got %#v", got)
	}
	if len(extra) != 2 || extra["patient"] != `"p1"` || extra["nested"] != `{"b":[1,null]}` {
		t.Errorf("got Extra %v", extra)
	}
}

// What breaks the contract is named, and what can be read of it is kept.
func TestTokenResponseThatBreaksTheContract(t *testing.T) {
	for _, test := range []struct{ response, field, access, refresh string }{
		{`null`, "", "", ""},
		{`undefined`, "", "", ""},
		{`"text"`, "", "", ""},
		{`42`, "", "", ""},
		{`[]`, "access_token", "", ""},
		{`({})`, "access_token", "", ""},
		{`({expires_in: 60, refresh_token: "r"})`, "access_token", "", "r"},
		{`({access_token: "", expires_in: 60, refresh_token: "r"})`, "access_token", "", "r"},
		{`({access_token: null, expires_in: 60, refresh_token: "r"})`, "access_token", "", "r"},
		{`({access_token: 7, expires_in: 60, refresh_token: "r"})`, "access_token", "", "r"},
		{`({access_token: "a", refresh_token: "r"})`, "expires_in", "a", "r"},
		{`({access_token: "a", expires_in: null, refresh_token: "r"})`, "expires_in", "a", "r"},
		{`({access_token: "a", expires_in: "3600", refresh_token: "r"})`, "expires_in", "a", "r"},
		{`({access_token: "a", expires_in: -1, refresh_token: "r"})`, "expires_in", "a", "r"},
		{`({access_token: "a", expires_in: NaN, refresh_token: "r"})`, "expires_in", "a", "r"},
		{`({access_token: "a", expires_in: Infinity, refresh_token: "r"})`, "expires_in", "a", "r"},
		{`({access_token: "a", expires_in: 60n, refresh_token: "r"})`, "expires_in", "a", "r"},
		{`({access_token: "a", expires_in: 60, refresh_token: 7})`, "refresh_token", "a", ""},
		{`({access_token: "a", expires_in: 60, scope: ["b"], refresh_token: "r"})`, "scope", "a", "r"},
		{`({access_token: "a", expires_in: 60, id_token: {}, refresh_token: "r"})`, "id_token", "a", "r"},
		{`({access_token: "a", expires_in: 60, token_type: 1, refresh_token: "r"})`, "token_type", "a", "r"},
		{`({get access_token() { throw new Error("no") }, expires_in: 60, refresh_token: "r"})`, "access_token", "", "r"},
		{`new Proxy({}, {ownKeys() { throw new Error("no") }})`, "", "", ""},
	} {
		r, err := tokenResponse(eval(t, test.response))
		var broken *onerefresh.FieldError
		if !errors.As(err, &broken) {
			t.Errorf("%s: got error %v, want a FieldError", test.response, err)
			continue
		}
		if broken.Field != test.field || r.AccessToken != test.access || r.RefreshToken != test.refresh {
			t.Errorf("%s: got field %q (%s), access token %q, refresh token %q",
				test.response, broken.Field, broken.Problem, r.AccessToken, r.RefreshToken)
		}
	}
}

func TestLifetimeIsBounded(t *testing.T) {
	r, err := tokenResponse(eval(t, `({access_token: "a", expires_in: 1e300})`))
	if err != nil || r.ExpiresIn < 50*365*24*time.Hour {
		t.Errorf("got %v, %v", r.ExpiresIn, err)
	}
	if r, err := tokenResponse(eval(t, `({access_token: "a", expires_in: 0})`)); err != nil || r.ExpiresIn != 0 {
		t.Errorf("got %v, %v", r.ExpiresIn, err)
	}
}
