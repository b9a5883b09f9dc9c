package authserver_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

func TestRotation(t *testing.T) {
	s, c := start(t, authserver.Settings{})
	first := signIn(t, c, "ada")
	second := mustRefresh(t, c, first.RefreshToken)
	third := mustRefresh(t, c, second.RefreshToken)
	if first.RefreshToken == second.RefreshToken || second.RefreshToken == third.RefreshToken {
		t.Error("a refresh token was handed out twice")
	}
	if !accepts(t, c, third.AccessToken) {
		t.Error("the new access token is refused")
	}
	l, _ := s.Ledger(grantOf(first))
	for i, p := range l.Presentations {
		if p.Generation != i || p.Outcome != authserver.OutcomeRotated || p.Decided.Before(p.Arrived) || p.Answered.Before(p.Decided) {
			t.Errorf("presentation %d = %+v", i, p)
		}
	}
	if len(l.Presentations) != 2 {
		t.Errorf("%d presentations", len(l.Presentations))
	}
}

func TestReuseRevokesTheFamily(t *testing.T) {
	s, c := start(t, authserver.Settings{})
	first := signIn(t, c, "ada")
	second := mustRefresh(t, c, first.RefreshToken)

	if _, err := refresh(c, first.RefreshToken); refusalOf(err) != "invalid_grant" {
		t.Errorf("second presentation: %v", err)
	}
	if _, err := refresh(c, second.RefreshToken); refusalOf(err) != "invalid_grant" {
		t.Errorf("the good token of a revoked family: %v", err)
	}
	for _, token := range []string{first.AccessToken, second.AccessToken} {
		response := resource(t, c, token)
		if challenge := response.Header.Get("WWW-Authenticate"); response.StatusCode != 401 || !strings.Contains(challenge, `error="invalid_token"`) {
			t.Errorf("an access token of a revoked family: %s, %q", response.Status, challenge)
		}
	}
	want := []authserver.Outcome{authserver.OutcomeRotated, authserver.OutcomeReuse, authserver.OutcomeRevoked}
	if got := outcomes(t, s, grantOf(first)); !slices.Equal(got, want) {
		t.Errorf("outcomes = %v, want %v", got, want)
	}
	if l, _ := s.Ledger(grantOf(first)); l.RevokedFor != authserver.RevokedForReuse || l.Revoked.IsZero() {
		t.Errorf("revoked for %q at %v", l.RevokedFor, l.Revoked)
	}
	if other := signIn(t, c, "ada"); !accepts(t, c, other.AccessToken) {
		t.Error("another grant of the same user suffers")
	}
}

func TestOneOfManyPresentationsWins(t *testing.T) {
	s, c := start(t, authserver.Settings{LatencyBefore: 5 * time.Millisecond, LatencyAfter: 5 * time.Millisecond})
	first := s.OpenGrant("ada", 0)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { refresh(c, first.RefreshToken) })
	}
	wg.Wait()
	l, _ := s.Ledger(first.Grant)
	if n := l.Count(authserver.OutcomeRotated); n != 1 {
		t.Errorf("%d rotated", n)
	}
	if n := l.Count(authserver.OutcomeReuse); n != 1 {
		t.Errorf("reuse detected %d times", n)
	}
	if n := l.Count(authserver.OutcomeRevoked); n != 18 {
		t.Errorf("%d were told that the family is revoked", n)
	}
	totals := s.Totals()
	if totals.Grants != 1 || totals.Presentations != 20 || totals.Revoked[authserver.RevokedForReuse] != 1 {
		t.Errorf("totals = %+v", totals)
	}
}

func TestGracePeriodForks(t *testing.T) {
	s, c := start(t, authserver.Settings{GracePeriod: time.Hour})
	first := signIn(t, c, "ada")
	one := mustRefresh(t, c, first.RefreshToken)
	other := mustRefresh(t, c, first.RefreshToken)
	if one.RefreshToken == other.RefreshToken {
		t.Error("both presentations got the same refresh token")
	}
	mustRefresh(t, c, one.RefreshToken)
	mustRefresh(t, c, other.RefreshToken)

	s.Configure(func(settings *authserver.Settings) { settings.GracePeriod = 0 })
	if _, err := refresh(c, first.RefreshToken); refusalOf(err) != "invalid_grant" {
		t.Errorf("after the grace period: %v", err)
	}
	want := []authserver.Outcome{
		authserver.OutcomeRotated, authserver.OutcomeGrace, authserver.OutcomeRotated, authserver.OutcomeRotated, authserver.OutcomeReuse,
	}
	if got := outcomes(t, s, grantOf(first)); !slices.Equal(got, want) {
		t.Errorf("outcomes = %v, want %v", got, want)
	}
}

func TestRevocation(t *testing.T) {
	s, c := start(t, authserver.Settings{})
	revoke := func(token string) {
		t.Helper()
		response, err := http.PostForm(endpoint(c, "/revoke"), url.Values{"client_id": {authserver.ClientID}, "token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("status = %s", response.Status)
		}
	}
	token := signIn(t, c, "ada")
	revoke("never heard of")
	revoke(token.AccessToken)
	if accepts(t, c, token.AccessToken) {
		t.Error("a revoked access token is good")
	}
	token = mustRefresh(t, c, token.RefreshToken) // the grant goes on
	revoke(token.RefreshToken)
	if accepts(t, c, token.AccessToken) {
		t.Error("an access token of a revoked grant is good")
	}
	if _, err := refresh(c, token.RefreshToken); refusalOf(err) != "invalid_grant" {
		t.Errorf("a revoked refresh token: %v", err)
	}
	if l, _ := s.Ledger(grantOf(token)); l.RevokedFor != authserver.RevokedOnRequest {
		t.Errorf("revoked for %q", l.RevokedFor)
	}
}

func TestResource(t *testing.T) {
	s, c := start(t, authserver.Settings{AccessTokenLifetime: time.Hour})
	if challenge := resource(t, c, "").Header.Get("WWW-Authenticate"); challenge != `Bearer realm="demo"` {
		t.Errorf("without a token: %q", challenge)
	}
	token := signIn(t, c, "ada")
	s.Expire(grantOf(token))
	if accepts(t, c, token.AccessToken) {
		t.Error("an expired access token is good")
	}
	if !accepts(t, c, mustRefresh(t, c, token.RefreshToken).AccessToken) {
		t.Error("an access token that came after is refused")
	}

	s.Configure(func(settings *authserver.Settings) {
		settings.AccessTokenLifetime = time.Nanosecond
		settings.ExpiresIn = "3600"
	})
	short := signIn(t, c, "ada")
	if until := time.Until(short.Expiry); until < 59*time.Minute {
		t.Errorf("expires_in was stated as %v", until)
	}
	if accepts(t, c, short.AccessToken) {
		t.Error("it lives for as long as stated, and not as long as set")
	}
}

func TestOpenGrantIsStale(t *testing.T) {
	s, c := start(t, authserver.Settings{})
	opened := s.OpenGrant("ada", 0)
	if string(opened.ExpiresIn) != "0" {
		t.Errorf("expires_in = %s", opened.ExpiresIn)
	}
	if accepts(t, c, opened.AccessToken) {
		t.Error("the access token is good")
	}
	if fresh := mustRefresh(t, c, opened.RefreshToken); !accepts(t, c, fresh.AccessToken) {
		t.Error("the refreshed access token is refused")
	}
	if !accepts(t, c, s.OpenGrant("ada", time.Minute).AccessToken) {
		t.Error("an access token with a minute to live is refused")
	}
}
