package endpoint

import (
	"context"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
)

// TokenSource returns the tokens of a session as an [oauth2.TokenSource]. They
// come without the refresh token, which is the session's to spend, and with
// scope and id_token as extra fields. Token returns in bounded time; see
// [onerefresh.Session.Token]. Its errors are those of the session.
//
// To wrap it in [oauth2.ReuseTokenSource] is of no use: it would hold on to a
// token that the session has replaced.
func TokenSource(session *onerefresh.Session) oauth2.TokenSource { return tokenSource{session} }

type tokenSource struct{ session *onerefresh.Session }

func (s tokenSource) Token() (*oauth2.Token, error) {
	token, err := s.session.Token(context.Background())
	if err != nil {
		return nil, err
	}
	return oauth2Token(token), nil
}

func oauth2Token(t onerefresh.Token) *oauth2.Token {
	token := &oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType, Expiry: t.Expiry}
	return token.WithExtra(map[string]any{"scope": t.Scope, "id_token": t.IDToken})
}

// Response returns token as the answer to a sign-in, for
// [onerefresh.Session.SignIn]. Scope and id_token are taken from its extra
// fields. A token without expiry is an error, a [*onerefresh.FieldError], that
// [onerefresh.Provider.Complete] can mend for some.
func Response(token *oauth2.Token) (onerefresh.Response, error) {
	r := onerefresh.Response{
		AccessToken:  token.AccessToken,
		TokenType:    token.TokenType,
		RefreshToken: token.RefreshToken,
		ExpiresIn:    time.Duration(token.ExpiresIn) * time.Second,
	}
	r.Scope, _ = token.Extra("scope").(string)
	r.IDToken, _ = token.Extra("id_token").(string)
	if r.ExpiresIn == 0 {
		if token.Expiry.IsZero() {
			return r, &onerefresh.FieldError{Field: "expires_in", Problem: onerefresh.Missing}
		}
		r.ExpiresIn = max(0, time.Until(token.Expiry))
	}
	return r, nil
}
