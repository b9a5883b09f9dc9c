package endpoint_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// start serves settings and returns the server with a client for it.
func start(t testing.TB, settings authserver.Settings) (*authserver.Server, *oauth2.Config) {
	t.Helper()
	s := authserver.New(settings)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	t.Cleanup(s.Close) // first: it ends what hangs
	return s, &oauth2.Config{ClientID: authserver.ClientID, Endpoint: oauth2.Endpoint{
		TokenURL: web.URL + "/token", AuthStyle: oauth2.AuthStyleInParams,
	}}
}

func sibling(c *oauth2.Config, path string) string {
	return strings.TrimSuffix(c.Endpoint.TokenURL, "/token") + path
}

// serve returns a config for an endpoint that is handle.
func serve(t testing.TB, handle http.HandlerFunc) *oauth2.Config {
	t.Helper()
	web := httptest.NewServer(handle)
	t.Cleanup(web.Close)
	return &oauth2.Config{ClientID: "the client", ClientSecret: "&=", Endpoint: oauth2.Endpoint{TokenURL: web.URL + "/token", AuthStyle: oauth2.AuthStyleInParams}}
}

// open returns a session that is signed in with a token of the server.
func open(t testing.TB, s *authserver.Server, c *oauth2.Config, lifetime time.Duration) (session *onerefresh.Session, grant string) {
	t.Helper()
	session, err := onerefresh.Open(onerefresh.Options{
		Name: "alice", Store: stores.Memory(), Locker: locks.Process(),
		Refresher: endpoint.Refresher(c, nil),
		Revoker:   endpoint.Revoker(sibling(c, "/revoke"), c, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	granted := s.OpenGrant("alice", lifetime)
	if err := session.SignIn(t.Context(), onerefresh.Response{
		AccessToken: granted.AccessToken, RefreshToken: granted.RefreshToken, ExpiresIn: lifetime,
	}); err != nil {
		t.Fatal(err)
	}
	return session, granted.Grant
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int
		header  http.Header
		body    string
		want    onerefresh.Response
		refused *onerefresh.RefreshError
		broken  string // the field that is to blame, or "all of it"
	}{
		{name: "all of it", status: 200,
			body: `{"access_token":"a","token_type":"Bearer","expires_in":3599.5,"refresh_token":"r","scope":"s","id_token":"i","patient":"p"}`,
			want: onerefresh.Response{AccessToken: "a", TokenType: "Bearer", ExpiresIn: 3599500 * time.Millisecond, RefreshToken: "r", Scope: "s", IDToken: "i"}},
		{name: "no rotation", status: 200, body: `{"access_token":"a","expires_in":0}`, want: onerefresh.Response{AccessToken: "a"}},
		{name: "created", status: 201, body: `{"access_token":"a","expires_in":1}`, want: onerefresh.Response{AccessToken: "a", ExpiresIn: time.Second}},
		{name: "a form", status: 200, header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			body: "access_token=1&expires_in=60&refresh_token=r", want: onerefresh.Response{AccessToken: "1", ExpiresIn: time.Minute, RefreshToken: "r"}},
		{name: "for ever", status: 200, body: `{"access_token":"a","expires_in":1e300}`, want: onerefresh.Response{AccessToken: "a", ExpiresIn: 100 * 365 * 24 * time.Hour}},

		{name: "a captive portal", status: 200, header: http.Header{"Content-Type": {"text/html"}}, body: "<html>", broken: "all of it"},
		{name: "a portal that says it is a form", status: 200, header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body: "<html>", broken: "access_token"},
		{name: "nothing", status: 204, broken: "all of it"},
		{name: "no object", status: 200, body: `[]`, broken: "all of it"},
		{name: "cut off", status: 200, body: `{"access_token":"a"`, broken: "all of it"},
		{name: "empty object", status: 200, body: `{}`, broken: "access_token"},
		{name: "no access token", status: 200, body: `{"expires_in":1,"refresh_token":"r"}`, want: onerefresh.Response{RefreshToken: "r", ExpiresIn: time.Second}, broken: "access_token"},
		{name: "no expires_in", status: 200, body: `{"access_token":"a","refresh_token":"r"}`, want: onerefresh.Response{AccessToken: "a", RefreshToken: "r"}, broken: "expires_in"},
		{name: "expires_in is null", status: 200, body: `{"access_token":"a","expires_in":null,"refresh_token":"r"}`, want: onerefresh.Response{AccessToken: "a", RefreshToken: "r"}, broken: "expires_in"},
		{name: "expires_in is a string", status: 200, body: `{"access_token":"a","expires_in":"60","refresh_token":"r"}`, want: onerefresh.Response{AccessToken: "a", RefreshToken: "r"}, broken: "expires_in"},
		{name: "expires_in is negative", status: 200, body: `{"access_token":"a","expires_in":-1,"refresh_token":"r"}`, want: onerefresh.Response{AccessToken: "a", RefreshToken: "r"}, broken: "expires_in"},

		{name: "refused", status: 400, body: `{"error":"invalid_grant","error_description":"spent"}`,
			refused: &onerefresh.RefreshError{Status: 400, Code: "invalid_grant", Description: "spent"}},
		{name: "refused with 200", status: 200, body: `{"error":"bad_refresh_token"}`, refused: &onerefresh.RefreshError{Status: 200, Code: "bad_refresh_token"}},
		{name: "refused without a reason", status: 403, body: `<html>`, refused: &onerefresh.RefreshError{Status: 403}},
		{name: "elsewhere", status: 307, header: http.Header{"Location": {"/elsewhere"}}, refused: &onerefresh.RefreshError{Status: 307}},
		{name: "later, in seconds", status: 429, header: http.Header{"Retry-After": {"7"}}, refused: &onerefresh.RefreshError{Status: 429, RetryAfter: 7 * time.Second}},
		{name: "later, with rubbish", status: 503, header: http.Header{"Retry-After": {"soon"}}, refused: &onerefresh.RefreshError{Status: 503}},
		{name: "later, in the past", status: 503, header: http.Header{"Retry-After": {"Fri, 31 Dec 1999 23:59:59 GMT"}}, refused: &onerefresh.RefreshError{Status: 503}},
	} {
		t.Run(c.name, func(t *testing.T) {
			requests := 0
			config := serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests++
				for name, values := range c.header {
					w.Header()[name] = values
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			got, err := endpoint.Refresher(config, nil).Refresh(t.Context(), "r")
			if requests != 1 {
				t.Errorf("%d requests", requests)
			}
			if c.name == "all of it" && got.Extra["patient"] != `"p"` {
				t.Errorf("Extra %v", got.Extra)
			}
			if got.AccessToken != c.want.AccessToken || got.TokenType != c.want.TokenType || got.ExpiresIn != c.want.ExpiresIn ||
				got.RefreshToken != c.want.RefreshToken || got.Scope != c.want.Scope || got.IDToken != c.want.IDToken {
				t.Errorf("got %#v", got.Extra)
			}
			var refused *onerefresh.RefreshError
			switch {
			case c.refused != nil:
				if !errors.As(err, &refused) || *refused != *c.refused {
					t.Errorf("error %#v", err)
				}
			case c.broken != "":
				blamed := "all of it"
				var field *onerefresh.FieldError
				if errors.As(err, &field) && field.Field != "" {
					blamed = field.Field
				}
				if err == nil || blamed != c.broken {
					t.Errorf("error %v blames %s, want %s", err, blamed, c.broken)
				}
			case err != nil:
				t.Error(err)
			}
		})
	}
}

func TestRetryAfterAsADate(t *testing.T) {
	config := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := endpoint.Refresher(config, nil).Refresh(t.Context(), "r")
	var refused *onerefresh.RefreshError
	if !errors.As(err, &refused) || refused.RetryAfter < 59*time.Minute || refused.RetryAfter > time.Hour {
		t.Errorf("error %#v", err)
	}
}

// A refresh token must not serve to find out how a client authenticates,
// unless nothing but the client was looked at.
func TestAuthStyles(t *testing.T) {
	for _, c := range []struct {
		name   string
		style  oauth2.AuthStyle
		first  func(w http.ResponseWriter)
		styles string // of the requests: h in the header, p in parameters
	}{
		{"in parameters", oauth2.AuthStyleInParams, nil, "p"},
		{"in the header", oauth2.AuthStyleInHeader, nil, "h"},
		{"to be found out, at once", oauth2.AuthStyleAutoDetect, nil, "h"},
		{"to be found out, invalid_client", oauth2.AuthStyleAutoDetect, func(w http.ResponseWriter) {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"invalid_client"}`)
		}, "hp"},
		{"to be found out, 401", oauth2.AuthStyleAutoDetect, func(w http.ResponseWriter) { w.WriteHeader(401) }, "hp"},
		{"to be found out, invalid_grant", oauth2.AuthStyleAutoDetect, func(w http.ResponseWriter) {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"invalid_grant"}`)
		}, "h"},
		{"to be found out, 500", oauth2.AuthStyleAutoDetect, func(w http.ResponseWriter) { w.WriteHeader(500) }, "h"},
		{"to be found out, reset", oauth2.AuthStyleAutoDetect, func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, "h"},
		{"to be found out, HTML", oauth2.AuthStyleAutoDetect, func(w http.ResponseWriter) { io.WriteString(w, "<html>") }, "h"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			var styles string // guarded by mu
			config := serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				r.ParseForm()
				if r.PostForm.Get("grant_type") != "refresh_token" || r.PostForm.Get("refresh_token") != "r&=" {
					t.Errorf("the form is %v", r.PostForm)
				}
				id, secret, inHeader := r.BasicAuth()
				if inHeader {
					styles += "h"
				} else {
					id, secret = url.QueryEscape(r.PostForm.Get("client_id")), url.QueryEscape(r.PostForm.Get("client_secret"))
					styles += "p"
				}
				if id != "the+client" || secret != "%26%3D" {
					t.Errorf("the client is %q, %q", id, secret)
				}
				if c.first != nil && len(styles) == 1 {
					c.first(w)
					return
				}
				io.WriteString(w, `{"access_token":"a","expires_in":1}`)
			})
			config.Endpoint.AuthStyle = c.style
			r := endpoint.Refresher(config, nil)
			_, err := r.Refresh(t.Context(), "r&=")
			mu.Lock()
			defer mu.Unlock()
			if styles != c.styles {
				t.Errorf("requests %q, want %q; error %v", styles, c.styles, err)
			}
			if wanted := c.first == nil || len(c.styles) == 2; wanted != (err == nil) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestWithoutARefreshTokenNothingIsSent(t *testing.T) {
	config := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request") })
	if _, err := endpoint.Refresher(config, nil).Refresh(t.Context(), ""); err != onerefresh.ErrNoRefreshToken {
		t.Error(err)
	}
}

func TestALostAnswerHasNoClass(t *testing.T) {
	for _, kind := range []authserver.FailureKind{authserver.FailReset, authserver.FailTruncated} {
		server, config := start(t, authserver.Settings{Failures: []authserver.Failure{{Kind: kind}}})
		granted := server.OpenGrant("alice", 0)
		_, err := endpoint.Refresher(config, nil).Refresh(t.Context(), granted.RefreshToken)
		var refused *onerefresh.RefreshError
		var field *onerefresh.FieldError
		if err == nil || errors.As(err, &refused) || errors.As(err, &field) {
			t.Errorf("%s: error %#v", kind, err)
		}
	}
}

// The process was stopped while the endpoint answered: its time is over when
// it wakes up.
func TestAnAnswerMayComeAfterTheTimeout(t *testing.T) {
	arrived, over := make(chan struct{}), make(chan struct{})
	config := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-over
		io.WriteString(w, `{"access_token":"a","expires_in":1}`)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
		close(over)
	}()
	if r, err := endpoint.Refresher(config, nil).Refresh(ctx, "r"); err != nil || r.AccessToken != "a" {
		t.Errorf("error %v", err)
	}
}

func TestSessionOverTheEndpoint(t *testing.T) {
	server, config := start(t, authserver.Settings{LatencyBefore: 20 * time.Millisecond})
	session, grant := open(t, server, config, 0)
	source := endpoint.TokenSource(session)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			token, err := source.Token()
			if err != nil || !token.Valid() || token.RefreshToken != "" || token.Type() != "Bearer" {
				t.Errorf("valid %v, error %v", token.Valid(), err)
			}
		})
	}
	wg.Wait()
	if l, _ := server.Ledger(grant); len(l.Presentations) != 1 {
		t.Errorf("%d presentations", len(l.Presentations))
	}

	if err := session.SignOut(t.Context()); err != nil {
		t.Error(err)
	}
	if l, _ := server.Ledger(grant); l.RevokedFor != authserver.RevokedOnRequest {
		t.Errorf("after the sign-out it is revoked for %q", l.RevokedFor)
	}
	if _, err := source.Token(); !errors.Is(err, onerefresh.ErrSignedOut) {
		t.Errorf("error %v", err)
	}
}

func TestRevokerAuthenticates(t *testing.T) {
	for _, c := range []struct {
		style    oauth2.AuthStyle
		secret   string
		inHeader bool
	}{
		{oauth2.AuthStyleAutoDetect, "s", true}, {oauth2.AuthStyleAutoDetect, "", false},
		{oauth2.AuthStyleInHeader, "s", true}, {oauth2.AuthStyleInParams, "s", false},
	} {
		config := serve(t, func(w http.ResponseWriter, r *http.Request) {
			r.ParseForm()
			_, secret, inHeader := r.BasicAuth()
			if !inHeader {
				secret = r.PostForm.Get("client_secret")
			}
			if inHeader != c.inHeader || secret != c.secret || r.PostForm.Get("token") != "r" || r.PostForm.Has("client_id") == inHeader {
				t.Errorf("%+v: form %v", c, r.PostForm)
			}
		})
		config.ClientSecret, config.Endpoint.AuthStyle = c.secret, c.style
		if err := endpoint.Revoker(config.Endpoint.TokenURL, config, nil).Revoke(t.Context(), "r"); err != nil {
			t.Error(err)
		}
	}
	config := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	var refused *onerefresh.RefreshError
	if err := endpoint.Revoker(config.Endpoint.TokenURL, config, nil).Revoke(t.Context(), "r"); !errors.As(err, &refused) || refused.Status != 503 {
		t.Errorf("error %v", err)
	}
}

func TestResponse(t *testing.T) {
	token := (&oauth2.Token{AccessToken: "a", TokenType: "Bearer", RefreshToken: "r", ExpiresIn: 60}).
		WithExtra(map[string]any{"scope": "s", "id_token": "i"})
	if r, err := endpoint.Response(token); err != nil || r.ExpiresIn != time.Minute || r.Scope != "s" || r.IDToken != "i" || r.RefreshToken != "r" {
		t.Errorf("error %v", err)
	}
	if r, err := endpoint.Response(&oauth2.Token{AccessToken: "a", Expiry: time.Now().Add(time.Hour)}); err != nil || r.ExpiresIn > time.Hour || r.ExpiresIn < 59*time.Minute {
		t.Errorf("%v, error %v", r.ExpiresIn, err)
	}
	var field *onerefresh.FieldError
	if _, err := endpoint.Response(&oauth2.Token{AccessToken: "a"}); !errors.As(err, &field) || field.Field != "expires_in" {
		t.Errorf("error %v", err)
	}
}
