package onerefresh_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
)

// What each provider says, and what becomes of the session.
func TestProviderErrors(t *testing.T) {
	everywhere := map[string]error{
		"400 invalid_grant":           onerefresh.ErrSessionEnded,
		"401 invalid_grant":           onerefresh.ErrSessionEnded,
		"403 invalid_grant":           onerefresh.ErrSessionEnded,
		"429 invalid_grant":           onerefresh.ErrTemporarilyUnavailable,
		"503 invalid_grant":           onerefresh.ErrTemporarilyUnavailable,
		"400 temporarily_unavailable": onerefresh.ErrTemporarilyUnavailable,
		"400 ":                        onerefresh.ErrTemporarilyUnavailable,
		"400 invalid_request":         onerefresh.ErrMisconfigured,
		"401 invalid_client":          onerefresh.ErrMisconfigured,
		"400 invalid_scope":           onerefresh.ErrMisconfigured,
		"400 unauthorized_client":     onerefresh.ErrMisconfigured,

		// Said by one provider, and unheard of with the others. None is part of another.
		"400 interaction_required":       onerefresh.ErrTemporarilyUnavailable,
		"400 mfa_enrollment":             onerefresh.ErrTemporarilyUnavailable,
		"400 refresh_token_already_used": onerefresh.ErrTemporarilyUnavailable,
		"400 RefreshTokenReuseException": onerefresh.ErrTemporarilyUnavailable,
		"401 token_inactive":             onerefresh.ErrTemporarilyUnavailable,
		"400 required":                   onerefresh.ErrTemporarilyUnavailable,
		"400 token":                      onerefresh.ErrTemporarilyUnavailable,
		"409 conflict":                   onerefresh.ErrTemporarilyUnavailable,
		"400 TooManyRequestsException":   onerefresh.ErrTemporarilyUnavailable,
		"400 rate_limit_exceeded":        onerefresh.ErrTemporarilyUnavailable,
	}
	ended := func(answers ...string) map[string]error {
		m := make(map[string]error)
		for _, a := range answers {
			m[a] = onerefresh.ErrSessionEnded
		}
		return m
	}
	for provider, own := range map[onerefresh.Provider]map[string]error{
		"":                    {},
		onerefresh.Generic:    {},
		onerefresh.Okta:       {},
		onerefresh.Auth0:      {},
		onerefresh.Entra:      ended("400 interaction_required", "400 consent_required", "400 login_required", "400 bad_token"),
		onerefresh.Google:     {},
		onerefresh.Salesforce: {},
		onerefresh.Keycloak:   {},
		onerefresh.Cognito: ended("400 NotAuthorizedException", "400 TokenRevokedException", "400 UserNotFoundException",
			"400 PasswordResetRequiredException", "400 UserNotConfirmedException", "400 RefreshTokenReuseException"),
		onerefresh.WorkOS: ended("403 mfa_enrollment", "400 mfa_enrollment", "403 sso_required"),
		onerefresh.Supabase: ended("400 refresh_token_not_found", "400 refresh_token_already_used",
			"403 session_not_found", "400 session_expired"),
		onerefresh.Medplum:    ended("400 invalid_request"),
		onerefresh.Hydra:      {"401 token_inactive": onerefresh.ErrSessionEnded, "400 invalid_request": onerefresh.ErrTemporarilyUnavailable},
		onerefresh.Duende:     {},
		onerefresh.FusionAuth: {},
		onerefresh.Logto:      {},
	} {
		answers := make(map[string]error)
		for _, m := range []map[string]error{everywhere, own} {
			for a, want := range m {
				answers[a] = want
			}
		}
		for answer, want := range answers {
			t.Run(fmt.Sprint(provider, " ", answer), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var status int
					var code string
					fmt.Sscan(answer, &status, &code)
					w := newWorld(t)
					tab := w.open(func(o *onerefresh.Options) { o.Provider = provider })
					w.signIn(tab)
					w.expect(refusal(status, code))
					w.mustFail(want, w.storm(tab)...)
					w.mustHaveSeen(t, 1)
					time.Sleep(time.Minute)
					if want == onerefresh.ErrSessionEnded {
						w.mustFail(want, w.storm(tab)...)
						w.mustHaveSeen(t, 1)
					} else {
						w.mustHave(w.storm(tab)...)
					}
				})
			})
		}
	}
}

// Salesforce is the one that is known to leave out expires_in.
func TestLifetimeThatTheAnswerOmits(t *testing.T) {
	missing := &onerefresh.FieldError{Field: "expires_in", Problem: onerefresh.Missing}
	for _, tc := range []struct {
		provider onerefresh.Provider
		err      error
		want     error
	}{
		{onerefresh.Salesforce, missing, nil},
		{onerefresh.Salesforce, fmt.Errorf("endpoint: %w", missing), nil},
		{onerefresh.Salesforce, &onerefresh.FieldError{Field: "expires_in", Problem: "negative"}, onerefresh.ErrMisconfigured},
		{onerefresh.Salesforce, &onerefresh.FieldError{Field: "access_token", Problem: onerefresh.Missing}, onerefresh.ErrMisconfigured},
		{onerefresh.Generic, missing, onerefresh.ErrMisconfigured},
		{onerefresh.Okta, missing, onerefresh.ErrMisconfigured},
		{"", missing, onerefresh.ErrMisconfigured},
	} {
		t.Run(fmt.Sprint(tc.provider, " ", tc.err), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				tab := w.open(func(o *onerefresh.Options) { o.Provider = tc.provider })
				w.signIn(tab)
				w.expect(func(_ context.Context, rotate func() (onerefresh.Response, error)) (onerefresh.Response, error) {
					r, err := rotate()
					if err != nil {
						return r, err
					}
					r.ExpiresIn = 0
					return r, tc.err
				})
				if tc.want != nil {
					w.mustFail(tc.want, w.storm(tab)...)
					return
				}
				w.mustHave(w.storm(tab)...)
				time.Sleep(14 * time.Minute)
				w.mustHave(w.storm(tab)...)
				w.mustHaveSeen(t, 1)
				time.Sleep(time.Minute)
				w.mustHave(w.storm(tab)...)
				w.mustHaveSeen(t, 2)
			})
		})
	}
}

func TestSignInWithoutALifetime(t *testing.T) {
	missing := &onerefresh.FieldError{Field: "expires_in", Problem: onerefresh.Missing}
	if r, err := onerefresh.Salesforce.Complete(onerefresh.Response{AccessToken: "a"}, missing); err != nil || r.ExpiresIn != 15*time.Minute || r.AccessToken != "a" {
		t.Errorf("got %v, %v", r.ExpiresIn, err)
	}
	if _, err := onerefresh.Generic.Complete(onerefresh.Response{AccessToken: "a"}, missing); err != missing {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	if r, err := onerefresh.Salesforce.Complete(onerefresh.Response{ExpiresIn: time.Hour}, broken); err != broken || r.ExpiresIn != time.Hour {
		t.Errorf("got %v, %v", r.ExpiresIn, err)
	}
}
