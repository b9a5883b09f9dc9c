package authserver_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// start serves settings and returns the server with a client for it.
func start(t *testing.T, settings authserver.Settings) (*authserver.Server, *oauth2.Config) {
	t.Helper()
	s := authserver.New(settings)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	t.Cleanup(s.Close) // first: it ends what hangs
	return s, &oauth2.Config{
		ClientID:    authserver.ClientID,
		RedirectURL: web.URL + "/callback",
		Scopes:      []string{"read", "write"},
		Endpoint: oauth2.Endpoint{
			AuthURL:   web.URL + "/authorize",
			TokenURL:  web.URL + "/token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

func endpoint(c *oauth2.Config, path string) string {
	return strings.TrimSuffix(c.Endpoint.TokenURL, "/token") + path
}

// authorize sends the filled-in login form, and returns where it leads.
func authorize(t *testing.T, authURL, user string) url.Values {
	t.Helper()
	u, err := url.Parse(authURL)
	if err != nil {
		t.Fatal(err)
	}
	form := u.Query()
	form.Set("username", user)
	u.RawQuery = ""
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(u.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusSeeOther {
		t.Fatalf("login answers %s", response.Status)
	}
	back, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	return back.Query()
}

// signIn goes through the whole authorization code grant.
func signIn(t *testing.T, c *oauth2.Config, user string) *oauth2.Token {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	back := authorize(t, c.AuthCodeURL("a state", oauth2.S256ChallengeOption(verifier)), user)
	if back.Get("state") != "a state" {
		t.Errorf("state = %q", back.Get("state"))
	}
	token, err := c.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// refresh presents a refresh token.
func refresh(c *oauth2.Config, refreshToken string) (*oauth2.Token, error) {
	return c.TokenSource(context.Background(), &oauth2.Token{RefreshToken: refreshToken}).Token()
}

func mustRefresh(t *testing.T, c *oauth2.Config, refreshToken string) *oauth2.Token {
	t.Helper()
	token, err := refresh(c, refreshToken)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func grantOf(token *oauth2.Token) string { return token.Extra("grant").(string) }

// refusalOf returns the error code of RFC 6749 section 5.2.
func refusalOf(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return refused.ErrorCode
	}
	return ""
}

// resource returns what the protected resource says to a token.
func resource(t *testing.T, c *oauth2.Config, accessToken string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", endpoint(c, "/resource"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if accessToken != "" {
		request.Header.Set("Authorization", "Bearer "+accessToken)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func accepts(t *testing.T, c *oauth2.Config, accessToken string) bool {
	t.Helper()
	return resource(t, c, accessToken).StatusCode == http.StatusOK
}

// outcomes returns those of a grant, in the order of arrival.
func outcomes(t *testing.T, s *authserver.Server, grant string) []authserver.Outcome {
	t.Helper()
	l, ok := s.Ledger(grant)
	if !ok {
		t.Fatalf("no ledger of %q", grant)
	}
	var all []authserver.Outcome
	for _, p := range l.Presentations {
		all = append(all, p.Outcome)
	}
	return all
}
