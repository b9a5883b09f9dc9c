package main

import (
	"strconv"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/jsontext"
)

// An answer is what an endpoint said, whole.
type answer struct {
	status     int
	retryAfter time.Duration // 0 if the header is missing, or hidden by CORS
	body       string
}

// tokenResponse returns what a says of a refresh token.
func (a answer) tokenResponse() (onerefresh.Response, error) {
	members, isObject := object(a.body)
	if a.status/100 != 2 {
		code, description := errorTexts(members)
		return onerefresh.Response{}, &onerefresh.RefreshError{Status: a.status, Code: code, Description: description, RetryAfter: a.retryAfter}
	}
	if !isObject {
		return onerefresh.Response{}, &onerefresh.FieldError{Problem: "status " + strconv.Itoa(a.status) + ", but not a JSON object"}
	}
	var r response
	for name, v := range members {
		if !v.IsNull() {
			r.member(name, text{v}, func() string { return string(v) })
		}
	}
	if r.AccessToken == "" {
		// Some servers, GitHub's for one, refuse with status 200.
		if code, description := errorTexts(members); code != "" {
			return onerefresh.Response{}, &onerefresh.RefreshError{Status: a.status, Code: code, Description: description}
		}
	}
	return r.checked()
}

// object returns the members of the object of which text is the JSON text. Of
// members of the same name the last one counts, as with JSON.parse.
func object(text string) (members map[string]jsontext.Value, ok bool) {
	v, err := jsontext.Parse(text)
	if err != nil {
		return nil, false
	}
	list, ok := v.Members()
	members = make(map[string]jsontext.Value, len(list))
	for _, m := range list {
		members[m.Name] = m.Value
	}
	return members, ok
}

// errorTexts returns the members of
// https://www.rfc-editor.org/rfc/rfc6749#section-5.2, as far as they are there.
func errorTexts(members map[string]jsontext.Value) (code, description string) {
	code, _ = members["error"].Text()
	description, _ = members["error_description"].Text()
	return code, description
}

// A response is a token response as far as it has been read. What breaks
// https://www.rfc-editor.org/rfc/rfc6749#section-5.1 is noted, and what can be
// read is kept all the same: of an answer that breaks the contract the refresh
// token still counts.
type response struct {
	onerefresh.Response
	expires bool
	broken  map[string]string // problems by member
}

func (r *response) breaks(name, problem string) {
	if r.broken == nil {
		r.broken = make(map[string]string)
	}
	r.broken[name] = problem
}

// member reads a member that is neither null nor undefined. json returns its
// JSON text, or nothing if it has none, as a function has none.
func (r *response) member(name string, v value, json func() string) {
	switch name {
	case "access_token":
		r.text(name, v, &r.AccessToken)
	case "token_type":
		r.text(name, v, &r.TokenType)
	case "refresh_token":
		r.text(name, v, &r.RefreshToken)
	case "scope":
		r.text(name, v, &r.Scope)
	case "id_token":
		r.text(name, v, &r.IDToken)
	case "expires_in":
		r.expires = true
		var problem string
		if r.ExpiresIn, problem = v.lifetime(); problem != "" {
			r.breaks(name, problem)
		}
	default:
		if text := json(); text != "" {
			if r.Extra == nil {
				r.Extra = make(map[string]string)
			}
			r.Extra[name] = text
		}
	}
}

func (r *response) text(name string, v value, to *string) {
	s, ok := v.Text()
	if !ok {
		r.breaks(name, "not a string")
	}
	*to = s
}

// checked returns the response. The error is a *onerefresh.FieldError, and
// comes with what could be read.
func (r *response) checked() (onerefresh.Response, error) {
	if r.AccessToken == "" && r.broken["access_token"] == "" {
		r.breaks("access_token", "missing or empty")
	}
	if !r.expires {
		r.breaks("expires_in", onerefresh.Missing)
	}
	for _, name := range []string{"access_token", "expires_in", "refresh_token", "token_type", "scope", "id_token"} {
		if problem := r.broken[name]; problem != "" {
			return r.Response, &onerefresh.FieldError{Field: name, Problem: problem}
		}
	}
	return r.Response, nil
}

// A value is that of a member: a JSON text, or a value of JavaScript.
type value interface {
	Text() (text string, ok bool)
	lifetime() (d time.Duration, problem string) // of so many seconds
}

type text struct{ jsontext.Value }

func (v text) lifetime() (d time.Duration, problem string) {
	n, _, ok := v.Shift(9)
	switch {
	case !ok:
		return 0, "not a number"
	case n < 0:
		return 0, "negative"
	}
	return min(time.Duration(n), longest), ""
}

// longest is what longer times are taken for. A time.Duration holds no more than
// 292 years.
const longest = 100 * 365 * 24 * time.Hour
