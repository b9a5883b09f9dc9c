package authserver_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

func TestSignIn(t *testing.T) {
	s, c := start(t, authserver.Settings{})
	token := signIn(t, c, "ada")
	if !accepts(t, c, token.AccessToken) {
		t.Error("the access token is refused")
	}
	l, _ := s.Ledger(grantOf(token))
	if l.User != "ada" || len(l.Presentations) != 0 {
		t.Errorf("ledger = %+v", l)
	}
}

func TestLoginPageRepeatsTheRequest(t *testing.T) {
	_, c := start(t, authserver.Settings{})
	response, err := http.Get(c.AuthCodeURL(`a "state"`, oauth2.S256ChallengeOption("v")))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`name="state" value="a &#34;state&#34;"`, `name="code_challenge"`, `name="username"`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("Content-Security-Policy = %q", policy)
	}
}

func TestWrongAuthorizationRequest(t *testing.T) {
	_, c := start(t, authserver.Settings{})
	good := c.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	for _, test := range []struct {
		name, member, value string
		want                string // the error that the client is told; empty: the user is
	}{
		{"another client", "client_id", "other", ""},
		{"a redirect to elsewhere", "redirect_uri", "https://elsewhere.test/", ""},
		{"a redirect that is a script", "redirect_uri", "javascript:alert(1)", ""},
		{"no code", "response_type", "token", "unsupported_response_type"},
		{"a plain challenge", "code_challenge_method", "plain", "invalid_request"},
		{"no challenge", "code_challenge", "", "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(good)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			q.Set(test.member, test.value)
			u.RawQuery = q.Encode()
			response, err := http.DefaultTransport.RoundTrip(&http.Request{Method: "GET", URL: u, Header: http.Header{}})
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if test.want == "" {
				if response.StatusCode != http.StatusBadRequest {
					t.Errorf("status = %s", response.Status)
				}
				return
			}
			back, err := response.Location()
			if err != nil {
				t.Fatal(err)
			}
			if got := back.Query(); got.Get("error") != test.want || got.Get("state") != "s" {
				t.Errorf("back to the client with %v", got)
			}
		})
	}
}

func TestCodeNeedsItsVerifier(t *testing.T) {
	_, c := start(t, authserver.Settings{})
	verifier := oauth2.GenerateVerifier()
	code := authorize(t, c.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), "ada").Get("code")
	for _, wrong := range []oauth2.AuthCodeOption{
		oauth2.VerifierOption(oauth2.GenerateVerifier()),
		oauth2.VerifierOption(""),
		oauth2.SetAuthURLParam("redirect_uri", endpoint(c, "/other")),
	} {
		if _, err := c.Exchange(t.Context(), code, wrong); refusalOf(err) != "invalid_grant" {
			t.Errorf("error = %v", err)
		}
	}
	if _, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier)); err != nil {
		t.Errorf("with the verifier: %v", err)
	}
}

func TestCodeReuseRevokesTheGrant(t *testing.T) {
	s, c := start(t, authserver.Settings{})
	verifier := oauth2.GenerateVerifier()
	code := authorize(t, c.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), "ada").Get("code")
	token, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier)); refusalOf(err) != "invalid_grant" {
		t.Errorf("second use: %v", err)
	}
	if accepts(t, c, token.AccessToken) {
		t.Error("the access token is still good")
	}
	if l, _ := s.Ledger(grantOf(token)); l.RevokedFor != authserver.RevokedForCodeReuse {
		t.Errorf("revoked for %q", l.RevokedFor)
	}
}

func TestWrongTokenRequest(t *testing.T) {
	_, c := start(t, authserver.Settings{})
	token := signIn(t, c, "ada")
	for _, test := range []struct {
		name, body, want string
		status           int
	}{
		{"no grant type", "client_id=demo", "invalid_request", 400},
		{"another grant type", "client_id=demo&grant_type=password", "unsupported_grant_type", 400},
		{"another client", "client_id=other&grant_type=refresh_token", "invalid_client", 401},
		{"a parameter twice", "client_id=demo&client_id=demo", "invalid_request", 400},
		{"an unknown refresh token", "client_id=demo&grant_type=refresh_token&refresh_token=x", "invalid_grant", 400},
		{"too wide a scope", "client_id=demo&grant_type=refresh_token&scope=read+admin&refresh_token=" + token.RefreshToken, "invalid_scope", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, err := http.Post(c.Endpoint.TokenURL, "application/x-www-form-urlencoded", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status || !strings.Contains(string(body), `"error":"`+test.want+`"`) {
				t.Errorf("%s, %s", response.Status, body)
			}
			if got := response.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control = %q", got)
			}
		})
	}
	mustRefresh(t, c, token.RefreshToken) // none of it spent the token
}
