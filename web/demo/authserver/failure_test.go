package authserver_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// ask presents a refresh token without a client's help.
func ask(t *testing.T, tokenURL, refreshToken string) (*http.Response, string, error) {
	t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.PostForm(tokenURL, url.Values{
		"client_id": {authserver.ClientID}, "grant_type": {"refresh_token"}, "refresh_token": {refreshToken},
	})
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name    string
		failure authserver.Failure
		spent   bool // the refresh token is good for nothing afterwards
		check   func(t *testing.T, response *http.Response, body string, err error)
	}{
		{"500", authserver.Failure{Kind: authserver.FailStatus, Status: 500}, false, hasStatus(500)},
		{"503 by default", authserver.Failure{Kind: authserver.FailStatus}, false, hasStatus(503)},
		{"503 after the rotation", authserver.Failure{Kind: authserver.FailStatus, Rotate: true}, true, hasStatus(503)},
		{"429", authserver.Failure{Kind: authserver.FailStatus, Status: 429, Header: http.Header{"Retry-After": {"7"}}}, false,
			func(t *testing.T, response *http.Response, body string, err error) {
				hasStatus(429)(t, response, body, err)
				if got := response.Header.Get("Retry-After"); got != "7" {
					t.Errorf("Retry-After = %q", got)
				}
			}},
		{"redirect", authserver.Failure{Kind: authserver.FailStatus, Status: 307, Header: http.Header{"Location": {"/"}}}, false, hasStatus(307)},
		{"reset", authserver.Failure{Kind: authserver.FailReset}, false, isReset},
		{"reset after the rotation", authserver.Failure{Kind: authserver.FailReset, Rotate: true}, true, isReset},
		{"HTML", authserver.Failure{Kind: authserver.FailHTML}, false,
			func(t *testing.T, response *http.Response, body string, err error) {
				if err != nil || response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || !strings.HasPrefix(body, "<!doctype html>") {
					t.Errorf("%v %q, %v", response, body, err)
				}
			}},
		{"bad JSON", authserver.Failure{Kind: authserver.FailBadJSON, Rotate: true}, true, hasBody(func(body string) bool { return body == `{"access_token": "` })},
		{"truncated", authserver.Failure{Kind: authserver.FailTruncated}, true,
			func(t *testing.T, response *http.Response, body string, err error) {
				if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(body, `{"access_token":"`) {
					t.Errorf("%q, %v", body, err)
				}
			}},
		{"no access_token", authserver.Failure{Kind: authserver.FailNoAccess}, true,
			hasBody(func(body string) bool {
				return !strings.Contains(body, "access_token") && strings.Contains(body, "refresh_token")
			})},
		{"no refresh_token", authserver.Failure{Kind: authserver.FailNoRefresh}, false,
			hasBody(func(body string) bool {
				return strings.Contains(body, "access_token") && !strings.Contains(body, "refresh_token")
			})},
		{"odd expires_in", authserver.Failure{Kind: authserver.FailExpiresIn, ExpiresIn: `"-1e400"`}, true,
			hasBody(func(body string) bool { return strings.Contains(body, `"expires_in":"-1e400"`) })},
		{"no expires_in", authserver.Failure{Kind: authserver.FailExpiresIn, ExpiresIn: authserver.Omit}, true,
			hasBody(func(body string) bool { return !strings.Contains(body, "expires_in") })},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, c := start(t, authserver.Settings{Failures: []authserver.Failure{test.failure}})
			opened := s.OpenGrant("ada", 0)
			response, body, err := ask(t, c.Endpoint.TokenURL, opened.RefreshToken)
			test.check(t, response, body, err)

			_, err = refresh(c, opened.RefreshToken)
			if spent := refusalOf(err) == "invalid_grant"; spent != test.spent || !spent && err != nil {
				t.Errorf("the next presentation: %v", err)
			}
			if l, _ := s.Ledger(opened.Grant); l.Presentations[0].Failure != test.failure.Kind || l.Presentations[1].Failure != "" {
				t.Errorf("presentations = %+v", l.Presentations)
			}
		})
	}
}

func hasStatus(want int) func(*testing.T, *http.Response, string, error) {
	return func(t *testing.T, response *http.Response, body string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != want {
			t.Errorf("status = %s", response.Status)
		}
	}
}

func hasBody(good func(string) bool) func(*testing.T, *http.Response, string, error) {
	return func(t *testing.T, response *http.Response, body string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != 200 || !good(body) {
			t.Errorf("%s %q", response.Status, body)
		}
	}
}

func isReset(t *testing.T, _ *http.Response, _ string, err error) {
	t.Helper()
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("error = %v", err)
	}
}

func TestHangEndsWithTheClientOrTheServer(t *testing.T) {
	s, c := start(t, authserver.Settings{Failures: []authserver.Failure{{Kind: authserver.FailHang, Count: 2, Rotate: true}}})
	opened := s.OpenGrant("ada", 0)

	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "POST", c.Endpoint.TokenURL, strings.NewReader(
		"client_id=demo&grant_type=refresh_token&refresh_token="+opened.RefreshToken))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	gaveUp := make(chan error)
	go func() {
		_, err := http.DefaultClient.Do(request)
		gaveUp <- err
	}()
	eventually(t, "the presentation is decided", func() bool {
		return slices.Equal(outcomes(t, s, opened.Grant), []authserver.Outcome{authserver.OutcomeRotated})
	})
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("the client got %v", err)
	}

	go func() {
		_, err := refresh(c, opened.RefreshToken)
		gaveUp <- err
	}()
	eventually(t, "the second presentation is decided", func() bool {
		return slices.Contains(outcomes(t, s, opened.Grant), authserver.OutcomeReuse)
	})
	s.Close()
	if err := <-gaveUp; err == nil || refusalOf(err) != "" {
		t.Errorf("the client got %v", err)
	}
}

func TestFailuresComeInOrder(t *testing.T) {
	s, c := start(t, authserver.Settings{Failures: []authserver.Failure{
		{Kind: authserver.FailStatus, Status: 500, Count: 2},
		{Kind: authserver.FailStatus, Status: 429},
	}})
	opened := s.OpenGrant("ada", 0)
	for _, want := range []int{500, 500, 429, 200} {
		response, _, err := ask(t, c.Endpoint.TokenURL, opened.RefreshToken)
		hasStatus(want)(t, response, "", err)
	}
	want := []authserver.Outcome{authserver.OutcomeFailed, authserver.OutcomeFailed, authserver.OutcomeFailed, authserver.OutcomeRotated}
	if got := outcomes(t, s, opened.Grant); !slices.Equal(got, want) {
		t.Errorf("outcomes = %v, want %v", got, want)
	}
	if left := s.Settings().Failures; len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

// eventually waits for what nothing signals.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
