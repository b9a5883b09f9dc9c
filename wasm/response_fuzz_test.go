//go:build !(js && wasm)

package main

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/onerefresh/onerefresh"
)

// fields are those that an answer can break, and "" is that it is no object.
var fields = []string{"", "access_token", "expires_in", "refresh_token", "token_type", "scope", "id_token"}

// Whatever a token endpoint answers, it is a token response, a refusal, or an
// error that names what is wrong without repeating any of it. What the answer
// grants is what encoding/json finds in it: no refresh token gets lost.
func FuzzTokenResponse(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"a","expires_in":3600,"refresh_token":"r","token_type":"Bearer","scope":"s","id_token":"i","patient":"p"}`,
		`{"access_token":"a","expires_in":"3600","refresh_token":"r"}`,
		`{"access_token":"a","access_token":null,"expires_in":1e400,"refresh_token":"r"}`,
		`{"error":"invalid_grant","error_description":"d"}`,
		`["access_token"]`, `<html>`, ``, `{"access_token":"`,
	} {
		f.Add(200, body)
		f.Add(400, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		r, err := answer{status: status, body: body}.tokenResponse()
		var refusal *onerefresh.RefreshError
		var broken *onerefresh.FieldError
		switch {
		case errors.As(err, &refusal):
			if status/100 == 2 && refusal.Code == "" {
				t.Errorf("status %d is taken for a refusal: %v", status, err)
			}
			return
		case errors.As(err, &broken):
			if !slices.Contains(fields, broken.Field) {
				t.Errorf("the error names %q", broken.Field)
			}
		case err != nil:
			t.Fatalf("got a %T: %v", err, err)
		case r.AccessToken == "" || r.ExpiresIn < 0:
			t.Errorf("%#v is taken for a good answer", r)
		}
		if status/100 != 2 {
			t.Fatalf("status %d is not taken for a refusal", status)
		}
		var want map[string]any
		if json.Unmarshal([]byte(body), &want) != nil || broken != nil && broken.Field == "" {
			return
		}
		for name, got := range map[string]string{
			"access_token": r.AccessToken, "refresh_token": r.RefreshToken, "id_token": r.IDToken, "scope": r.Scope, "token_type": r.TokenType,
		} {
			if text, _ := want[name].(string); got != text {
				t.Errorf("%s is %q, encoding/json says %q", name, got, text)
			}
		}
		for name, text := range r.Extra {
			if !json.Valid([]byte(text)) {
				t.Errorf("member %q is %q", name, text)
			}
		}
	})
}
