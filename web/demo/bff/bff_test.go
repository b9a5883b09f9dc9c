package bff_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
	"github.com/onerefresh/onerefresh/web/demo/site"
)

// A browser is one with cookies of its own.
type browser struct {
	*testing.T
	client  *http.Client
	address string
}

func start(t *testing.T) (*authserver.Server, func() *browser) {
	t.Helper()
	auth := authserver.New(authserver.Settings{})
	server := httptest.NewServer(site.Handler(auth, ""))
	t.Cleanup(server.Close)
	t.Cleanup(auth.Close)
	return auth, func() *browser {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		return &browser{t, &http.Client{Jar: jar}, server.URL}
	}
}

func (b *browser) do(method, path string, form url.Values, header ...string) (status int, body string) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), method, b.address+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (b *browser) want(status int, method, path string) {
	b.Helper()
	if got, body := b.do(method, path, nil); got != status {
		b.Errorf("%s %s: status %d, want %d: %s", method, path, got, status, body)
	}
}

// openGrant signs in, and returns the grant.
func (b *browser) openGrant() string {
	b.Helper()
	_, body := b.do("POST", "/bff/storm/grants", nil)
	return strings.Trim(strings.TrimPrefix(body, `{"grant":`), "\"}\n")
}

func TestSessionsOfABrowserAreApart(t *testing.T) {
	auth, open := start(t)
	one, other := open(), open()
	grant := one.openGrant()
	one.want(http.StatusOK, "GET", "/bff/storm/resource")
	one.want(http.StatusUnauthorized, "GET", "/bff/own/resource")
	other.want(http.StatusUnauthorized, "GET", "/bff/storm/resource")
	if ledger, ok := auth.Ledger(grant); !ok || ledger.Count(authserver.OutcomeRotated) != 1 {
		t.Errorf("%+v", ledger)
	}
}

// While the user signs out the token endpoint has the refresh token: what it
// answers is nobody's.
func TestSignOutDuringAnExchangeEndsTheGrant(t *testing.T) {
	auth, open := start(t)
	b := open()
	grant := b.openGrant()
	auth.Configure(func(s *authserver.Settings) {
		s.LatencyAfter = time.Hour
	})
	answered := make(chan int, 1)
	go func() {
		status, _ := b.do("GET", "/bff/storm/resource", nil)
		answered <- status
	}()
	until(t, "the refresh token is spent", func() bool {
		ledger, _ := auth.Ledger(grant)
		return ledger.Count(authserver.OutcomeRotated) == 1
	})
	b.want(http.StatusNoContent, "POST", "/bff/storm/sign-out")
	b.want(http.StatusUnauthorized, "GET", "/bff/storm/resource")
	if ledger, _ := auth.Ledger(grant); ledger.RevokedFor != authserver.RevokedOnRequest {
		t.Errorf("revoked for %q", ledger.RevokedFor)
	}
	auth.Close() // ends the latency
	if status := <-answered; status == http.StatusOK {
		t.Error("a request was answered after the sign-out")
	}
}

func TestLoginOfAnotherBrowserIsRefused(t *testing.T) {
	_, open := start(t)
	victim, thief := open(), open()
	thief.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request := func(b *browser, method, address string, form url.Values) *url.URL {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := b.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		location, err := response.Location()
		if err != nil {
			t.Fatal(err)
		}
		return location
	}
	login := request(thief, "GET", thief.address+"/bff/own/sign-in", nil)
	form := login.Query()
	form.Set("username", "thief")
	back := request(thief, "POST", thief.address+login.Path, form)
	victim.want(http.StatusBadRequest, "GET", back.RequestURI()) // with the state of the thief
	victim.want(http.StatusNoContent, "GET", "/bff/own/grant")
}

func TestOtherOriginsCannotSignOut(t *testing.T) {
	_, open := start(t)
	b := open()
	b.openGrant()
	if status, _ := b.do("POST", "/bff/storm/sign-out", nil, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("status %d", status)
	}
	b.want(http.StatusOK, "GET", "/bff/storm/resource")
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}
