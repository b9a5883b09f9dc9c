//go:build js && wasm

package main

import (
	"context"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/jsontext"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// An endpoint is a token endpoint that answers the fetch of the page.
// See https://www.rfc-editor.org/rfc/rfc6749#section-6.
type endpoint struct {
	url      string
	clientID string
	scope    string // optional
}

func (e endpoint) Refresh(ctx context.Context, refreshToken string) (onerefresh.Response, error) {
	if refreshToken == "" {
		return onerefresh.Response{}, onerefresh.ErrNoRefreshToken
	}
	form := []field{
		{"grant_type", "refresh_token"},
		{"refresh_token", refreshToken},
		{"client_id", e.clientID},
	}
	if e.scope != "" {
		form = append(form, field{"scope", e.scope})
	}
	late, stop := outlive(ctx)
	defer stop()
	a, err := post(late, e.url, form)
	if err != nil {
		return onerefresh.Response{}, err
	}
	return a.tokenResponse()
}

// errorMembers returns the members "error" and "error_description" of v, as
// far as they are there.
func errorMembers(v jsbridge.Value) (code, description string) {
	return textMember(v, "error"), textMember(v, "error_description")
}

// retryAfter reads both forms of the header: seconds, and a date.
// See https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	if s, ok := jsontext.Value(header).Integer(); ok && s >= 0 {
		return min(time.Duration(s), time.Duration(longest/time.Second)) * time.Second
	}
	date, err := jsbridge.Global().Get("Date")
	if err != nil {
		return 0
	}
	parsed, err := date.Call("parse", header)
	if err != nil {
		return 0
	}
	ms, _ := parsed.Number()
	if !(ms > 0) { // NaN, where it is no date
		return 0
	}
	return max(0, time.UnixMilli(int64(ms)).Sub(now))
}
