//go:build !(js && wasm)

package examples

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// codeGrant is what an application has when the login page has sent the user back:
// the form for the token endpoint.
func (s *stage) codeGrant(user string) string {
	s.Helper()
	const redirect = "http://127.0.0.1/callback"
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	form := url.Values{"response_type": {"code"}, "client_id": {"demo"}, "redirect_uri": {redirect}, "username": {user},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	request := httptest.NewRequest(http.MethodPost, "/authorize", strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	s.auth.ServeHTTP(recorder, request)
	back, err := url.Parse(recorder.Header().Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		s.Fatalf("no code: %d %s %v", recorder.Code, back, err)
	}
	return url.Values{"grant_type": {"authorization_code"}, "client_id": {"spa"}, "redirect_uri": {redirect},
		"code": {back.Query().Get("code")}, "code_verifier": {verifier}}.Encode()
}

// storedGrant returns the grant of the session that the tab shows: the resource
// server knows whose its token is.
func (t tab) storedGrant() string {
	t.Helper()
	token := eval[string](t, "tab.session.getAccessToken()")
	request := httptest.NewRequest(http.MethodGet, "/resource", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	recorder := httptest.NewRecorder()
	t.auth.ServeHTTP(recorder, request)
	var resource struct{ Grant string }
	if err := json.Unmarshal(recorder.Body.Bytes(), &resource); err != nil {
		t.Fatal(err)
	}
	return resource.Grant
}

// From a login, through a refresh, to a sign-out in another tab.
func TestStart(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	tabs := s.open("start", 2)
	if got := eval[string](tabs[0], "tab.patients().catch((error) => error.code)"); got != "signed_out" {
		t.Errorf("got %s, want signed_out", got)
	}
	eval[any](tabs[0], fmt.Sprintf("tab.finishLogin(%q).then(() => null)", s.codeGrant("alice")))
	s.grant = tabs[0].storedGrant()
	for _, tab := range tabs {
		tab.wait("tab.session.signedIn")
	}
	s.auth.Expire(s.grant)
	for _, tab := range tabs {
		if got := eval[string](tab, "tab.patients().then(({ user }) => user)"); got != "alice" {
			t.Errorf("got %s, want alice", got)
		}
	}
	s.mustHaveRotated(1)

	// The page of the script tag shares the session.
	s.auth.Expire(s.grant)
	script := s.visit("script.html")
	script.wait(`document.querySelector("#patients").textContent.includes("alice")`)
	s.mustHaveRotated(2)

	eval[any](tabs[0], "tab.session.signOut(), null")
	for _, tab := range append(tabs, script) {
		tab.wait(`location.pathname === "/login"`)
	}
}

// Logins by redirect, whose tokens the session takes over.
func TestLogin(t *testing.T) {
	for name, back := range map[string]string{"oauth4webapi": "/callback", "oidc-client-ts": "/signed-in"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			tab := s.open(name, 1)[0]
			eval[any](tab, "tab.begin(), null")
			tab.wait(`document.querySelector("[name=username]")`)
			if err := chromedp.Do(tab.ctx, chromedp.SendKeys("[name=username]", "alice"), chromedp.Submit("[name=username]")); err != nil {
				t.Fatal(err)
			}
			tab.wait(fmt.Sprintf(`location.pathname === %q && window.tab`, back))
			eval[any](tab, "tab.finish().then(() => null)")
			if got := eval[string](tab, "location.search"); got != "" {
				t.Errorf("the code is still in the address: %s", got)
			}
			if got := eval[[]string](tab, "Object.keys(localStorage).concat(Object.keys(sessionStorage)).filter((key) => key !== `onerefresh:my app`)"); len(got) > 0 {
				t.Errorf("the login has left %q behind", got)
			}
			s.grant = tab.storedGrant()
			for n := range 3 {
				if got := eval[string](tab, fmt.Sprintf(`tab.ask("%d")`, n)); got != "200" {
					t.Errorf("got %s, want 200", got)
				}
				eval[any](tab, "tab.session.getAccessToken({ forceRefresh: true }).then(() => null)")
			}
			s.mustHaveRotated(3)
			if seen := s.seen(); !slices.Equal(seen["2"], []int{2}) {
				t.Errorf("the API saw %v", seen)
			}
		})
	}
}

// What docs/diagnose.md says of the events: refreshed in one tab, adopted in
// the others.
func TestEvents(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	tabs := s.open("events", 3)
	tabs[0].signIn("alice", time.Hour)
	for _, tab := range tabs {
		tab.wait(`tab.events.includes("signedin")`)
	}
	s.auth.Expire(s.grant)
	s.mustHaveAll(storm(tabs, "e"), 3)
	counts := make(map[string]int)
	for _, tab := range tabs {
		tab.wait(`tab.told.some(([, type]) => type === "refreshed" || type === "adopted")`)
		for _, told := range eval[[][]any](tab, "tab.told.slice(0, 9)") {
			counts[fmt.Sprint(told[1])]++
		}
	}
	if counts["signedin"] != 3 || counts["refreshed"] != 1 || counts["adopted"] != 2 {
		t.Errorf("told of %v", counts)
	}
}
