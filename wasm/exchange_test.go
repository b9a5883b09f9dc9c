//go:build js && wasm

package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// A request is what the fetch of the page was called with.
type request struct{ url, method, accept, body, cache, redirect string }

// serve makes answer, a JavaScript expression, what the fetch of the page
// returns for the rest of the test. The function that it returns tells of the
// last request.
func serve(t *testing.T, answer string) func() request {
	t.Helper()
	before, err := jsbridge.Global().Get("fetch")
	if err != nil {
		t.Fatal(err)
	}
	fetch := eval(t, `async function fetch(url, init) {
		fetch.last = {url, method: init.method, accept: init.headers.Accept, body: String(init.body), cache: init.cache, redirect: init.redirect};
		return `+answer+`;
	}`)
	if err := jsbridge.Global().Set("fetch", fetch); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { jsbridge.Global().Set("fetch", before) })
	return func() request {
		last, err := fetch.Get("last")
		if err != nil {
			t.Fatal(err)
		}
		m := func(name string) string { return textMember(last, name) }
		return request{m("url"), m("method"), m("accept"), m("body"), m("cache"), m("redirect")}
	}
}

var testEndpoint = endpoint{url: "https://as.example/token", clientID: "the client"}

func TestExchangeSendsTheForm(t *testing.T) {
	sent := serve(t, `Response.json({access_token: "a", expires_in: 60})`)
	e := testEndpoint
	e.scope = "a b"
	r, err := e.Refresh(t.Context(), "r&=+ü")
	if err != nil || r.AccessToken != "a" || r.ExpiresIn != time.Minute {
		t.Errorf("got %#v, %v", r, err)
	}
	want := request{
		url: "https://as.example/token", method: "POST", accept: "application/json", cache: "no-store", redirect: "error",
		body: "grant_type=refresh_token&refresh_token=r%26%3D%2B%C3%BC&client_id=the+client&scope=a+b",
	}
	if got := sent(); got != want {
		t.Errorf("sent %+v\nwant %+v", got, want)
	}
}

func TestRevocationSendsTheForm(t *testing.T) {
	sent := serve(t, `new Response(null, {status: 200})`)
	if err := (revocation{"https://as.example/revoke", "c"}).Revoke(t.Context(), "r"); err != nil {
		t.Error(err)
	}
	if got, want := sent().body, "token=r&token_type_hint=refresh_token&client_id=c"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	serve(t, `new Response(null, {status: 503})`)
	if err := (revocation{"https://as.example/revoke", "c"}).Revoke(t.Context(), "r"); err == nil {
		t.Error("a failure is not reported")
	}
}

func TestExchangeWithoutRefreshTokenSendsNothing(t *testing.T) {
	sent := serve(t, `Response.json({})`)
	if _, err := testEndpoint.Refresh(t.Context(), ""); err != onerefresh.ErrNoRefreshToken {
		t.Errorf("got %v", err)
	}
	if got := sent(); got != (request{}) {
		t.Errorf("sent %+v", got)
	}
}

func TestExchangeRefused(t *testing.T) {
	for _, test := range []struct {
		answer string
		want   onerefresh.RefreshError
	}{
		{`Response.json({error: "invalid_grant", error_description: "no"}, {status: 400})`,
			onerefresh.RefreshError{Status: 400, Code: "invalid_grant", Description: "no"}},
		{`Response.json({error: "bad_refresh_token"})`,
			onerefresh.RefreshError{Status: 200, Code: "bad_refresh_token"}},
		{`Response.json({error: {code: 1}}, {status: 400})`, onerefresh.RefreshError{Status: 400}},
		{`new Response("<html>", {status: 502})`, onerefresh.RefreshError{Status: 502}},
		{`new Response(null, {status: 503, headers: {"Retry-After": "120"}})`,
			onerefresh.RefreshError{Status: 503, RetryAfter: 2 * time.Minute}},
		{`new Response(null, {status: 429, headers: {"Retry-After": "soon"}})`, onerefresh.RefreshError{Status: 429}},
		{`new Response(null, {status: 429, headers: {"Retry-After": "-1"}})`, onerefresh.RefreshError{Status: 429}},
		{`new Response(null, {status: 429, headers: {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}})`, onerefresh.RefreshError{Status: 429}},
	} {
		serve(t, test.answer)
		r, err := testEndpoint.Refresh(t.Context(), "r")
		var refused *onerefresh.RefreshError
		if !errors.As(err, &refused) || *refused != test.want || r.AccessToken != "" {
			t.Errorf("%s: got %#v, %v", test.answer, r, err)
		}
	}
}

func TestRetryAfterDate(t *testing.T) {
	now := time.Date(2015, 10, 21, 7, 27, 0, 0, time.UTC)
	if got := retryAfter("Wed, 21 Oct 2015 07:28:00 GMT", now); got != time.Minute {
		t.Errorf("got %v", got)
	}
}

// The refresh token was spent: the answer counts as far as it can be read.
func TestExchangeAnswerThatBreaksTheContract(t *testing.T) {
	for _, test := range []struct{ answer, field, refresh string }{
		{`new Response("<html>portal</html>")`, "", ""},
		{`new Response("")`, "", ""},
		{`new Response('{"access_token":"a","expires_in":6')`, "", ""},
		{`Response.json(["a"])`, "", ""},
		{`Response.json("a")`, "", ""},
		{`Response.json({expires_in: 60, refresh_token: "new"})`, "access_token", "new"},
		{`Response.json({access_token: "a", expires_in: "60", refresh_token: "new"})`, "expires_in", "new"},
		{`Response.json({access_token: "a", expires_in: -60, refresh_token: "new"})`, "expires_in", "new"},
		{`Response.json({access_token: "a", refresh_token: "new"})`, "expires_in", "new"},
	} {
		serve(t, test.answer)
		r, err := testEndpoint.Refresh(t.Context(), "r")
		var broken *onerefresh.FieldError
		if !errors.As(err, &broken) || broken.Field != test.field || r.RefreshToken != test.refresh {
			t.Errorf("%s: got refresh token %q, %v", test.answer, r.RefreshToken, err)
		}
	}
}

// unknown reports whether err leaves open what became of the refresh token.
func unknown(err error) bool {
	var refused *onerefresh.RefreshError
	var broken *onerefresh.FieldError
	return err != nil && !errors.As(err, &refused) && !errors.As(err, &broken) && !errors.Is(err, onerefresh.ErrNoRefreshToken)
}

func TestExchangeOfUnknownOutcome(t *testing.T) {
	for _, answer := range []string{
		`Promise.reject(new TypeError("Failed to fetch"))`,
		`new Response(new ReadableStream({start(c) { c.error(new TypeError("network error")) }}))`,
		`({status: 200})`,
		`null`,
	} {
		serve(t, answer)
		if _, err := testEndpoint.Refresh(t.Context(), "r"); !unknown(err) {
			t.Errorf("%s: got %v", answer, err)
		}
	}
}

func TestExchangeEndsWithItsContext(t *testing.T) {
	// The fetch of the page rejects as soon as its signal aborts, and never
	// answers otherwise.
	sent := serve(t, `new Promise((_, reject) => init.signal.addEventListener("abort", () => { fetch.last.url = "aborted"; reject(init.signal.reason) }))`)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(why) })
	if _, err := testEndpoint.Refresh(ctx, "r"); !unknown(err) {
		t.Errorf("got %v", err)
	}
	for deadline := time.Now().Add(20 * time.Second); sent().url != "aborted"; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the request goes on")
		}
	}
}

func TestCallback(t *testing.T) {
	call := func(f string) (onerefresh.Response, error) {
		return callback{eval(t, f)}.Refresh(t.Context(), "the token")
	}
	r, err := call(`async (refreshToken, {signal}) => ({access_token: refreshToken + signal.aborted, expires_in: 60})`)
	if err != nil || r.AccessToken != "the tokenfalse" {
		t.Errorf("got %#v, %v", r, err)
	}
	if r, err := call(`() => ({access_token: "at once", expires_in: 60})`); err != nil || r.AccessToken != "at once" {
		t.Errorf("without a promise: got %#v, %v", r, err)
	}

	for _, test := range []struct {
		f    string
		want onerefresh.RefreshError
	}{
		{`async () => { throw Object.assign(new Error("x"), {error: "invalid_grant", status: 400, error_description: "d"}) }`,
			onerefresh.RefreshError{Status: 400, Code: "invalid_grant", Description: "d"}},
		{`() => { throw {status: 503} }`, onerefresh.RefreshError{Status: 503}},
		{`async () => { throw {error: "invalid_client"} }`, onerefresh.RefreshError{Code: "invalid_client"}},
		{`async () => ({error: "invalid_grant"})`, onerefresh.RefreshError{Code: "invalid_grant"}},
	} {
		_, err := call(test.f)
		var refused *onerefresh.RefreshError
		if !errors.As(err, &refused) || *refused != test.want {
			t.Errorf("%s: got %v", test.f, err)
		}
	}

	for _, f := range []string{
		`async () => { throw new TypeError("Failed to fetch") }`,
		`async () => { throw "invalid_grant" }`,
		`async () => { throw undefined }`,
		`async () => { throw {status: "400", error: 1} }`,
		`() => { throw new Proxy({}, {get() { throw new Error("no") }}) }`,
		`() => ({get then() { throw new Error("no") }})`,
	} {
		if _, err := call(f); !unknown(err) {
			t.Errorf("%s: got %v", f, err)
		}
	}

	for _, f := range []string{`async () => {}`, `async () => null`, `async () => new Response("x")`} {
		_, err := call(f)
		var broken *onerefresh.FieldError
		if !errors.As(err, &broken) {
			t.Errorf("%s: got %v", f, err)
		}
	}
}

// What is thrown may hold tokens; the text of the error must not be built of it.
func TestNoTokenInErrors(t *testing.T) {
	serve(t, `Response.json({access_token: "SECRET", expires_in: "SECRET", refresh_token: "SECRET"})`)
	if _, err := testEndpoint.Refresh(t.Context(), "SECRET"); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %v", err)
	}
}
