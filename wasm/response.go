//go:build js && wasm

package main

import (
	"math"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// tokenResponse reads an answer of a token endpoint. The error is a
// *onerefresh.FieldError, and comes with what could be read: of an answer that
// breaks the contract the refresh token still counts.
// See https://www.rfc-editor.org/rfc/rfc6749#section-5.1.
func tokenResponse(v jsbridge.Value) (onerefresh.Response, error) {
	var r onerefresh.Response
	if !v.IsObject() {
		return r, &onerefresh.FieldError{Problem: "not an object"}
	}
	members, err := keys(v)
	if err != nil {
		return r, &onerefresh.FieldError{Problem: "cannot be read"}
	}
	var first error
	broken := func(name, problem string) {
		if first == nil {
			first = &onerefresh.FieldError{Field: name, Problem: problem}
		}
	}
	expires := false
	for _, name := range members {
		m, err := v.Get(name)
		switch {
		case err != nil:
			broken(name, "cannot be read")
			continue
		case m.IsUndefined(), m.IsNull():
			continue // as good as missing
		}
		switch name {
		case "access_token":
			text(m, name, &r.AccessToken, broken)
		case "token_type":
			text(m, name, &r.TokenType, broken)
		case "refresh_token":
			text(m, name, &r.RefreshToken, broken)
		case "scope":
			text(m, name, &r.Scope, broken)
		case "id_token":
			text(m, name, &r.IDToken, broken)
		case "expires_in":
			expires = true
			var problem string
			if r.ExpiresIn, problem = seconds(m); problem != "" {
				broken(name, problem)
			}
		default:
			if json, err := m.JSON(); err == nil { // what has no JSON, such as a function, is no member
				if r.Extra == nil {
					r.Extra = make(map[string]string)
				}
				r.Extra[name] = json
			}
		}
	}
	if r.AccessToken == "" {
		broken("access_token", "missing or empty")
	}
	if !expires {
		broken("expires_in", "missing")
	}
	return r, first
}

func text(m jsbridge.Value, name string, to *string, broken func(name, problem string)) {
	s, ok := m.Text()
	if !ok {
		broken(name, "not a string")
	}
	*to = s
}

func seconds(m jsbridge.Value) (d time.Duration, problem string) {
	n, ok := m.Number()
	switch {
	case !ok:
		return 0, "not a number"
	case math.IsNaN(n), math.IsInf(n, 0):
		return 0, "not finite"
	case n < 0:
		return 0, "negative"
	}
	return duration(n, time.Second), ""
}

// keys returns the names of v's own members.
func keys(v jsbridge.Value) ([]string, error) {
	object, err := jsbridge.Global().Get("Object")
	if err != nil {
		return nil, err
	}
	list, err := object.Call("keys", v)
	if err != nil {
		return nil, err
	}
	n, err := list.Len()
	if err != nil {
		return nil, err
	}
	names := make([]string, n)
	for i := range names {
		name, err := list.Index(i)
		if err != nil {
			return nil, err
		}
		names[i], _ = name.Text()
	}
	return names, nil
}

// textMember returns a member that is a string, or else the empty string.
func textMember(v jsbridge.Value, name string) string {
	m, err := v.Get(name)
	if err != nil {
		return ""
	}
	s, _ := m.Text()
	return s
}

// numberMember returns a member that is a number, or else 0.
func numberMember(v jsbridge.Value, name string) float64 {
	m, err := v.Get(name)
	if err != nil {
		return 0
	}
	n, _ := m.Number()
	return n
}
