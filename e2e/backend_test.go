//go:build !(js && wasm)

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// A wire keeps what the browser and the server say to each other, and which
// tokens the server has issued to its backend for frontend.
type wire struct {
	next http.Handler

	mu      sync.Mutex
	browser []string // requests and answers, whole
	cookies []string // Set-Cookie
	tokens  []authserver.TokenResponse
}

func (w *wire) before(next http.Handler) http.Handler {
	w.next = next
	return w
}

func (w *wire) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	said := &heard{ResponseWriter: to}
	w.next.ServeHTTP(said, r)

	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.HasPrefix(r.UserAgent(), "Go-http-client") {
		var t authserver.TokenResponse
		if json.Unmarshal(said.body.Bytes(), &t) == nil && t.AccessToken != "" {
			w.tokens = append(w.tokens, t)
		}
		return
	}
	w.cookies = append(w.cookies, to.Header().Values("Set-Cookie")...)
	w.browser = append(w.browser, fmt.Sprint(r.Method, " ", r.URL, r.Header, string(body), to.Header(), said.body.String()))
}

type heard struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.body.Write(p)
	return h.ResponseWriter.Write(p)
}

// said returns what is kept so far.
func (w *wire) said() (browser, cookies []string, tokens []authserver.TokenResponse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.browser), slices.Clone(w.cookies), slices.Clone(w.tokens)
}

// leaks returns the texts that have a token in them.
func (w *wire) leaks(texts ...string) (found []string) {
	_, _, tokens := w.said()
	for _, text := range texts {
		if slices.ContainsFunc(tokens, func(t authserver.TokenResponse) bool {
			return strings.Contains(text, t.AccessToken) || t.RefreshToken != "" && strings.Contains(text, t.RefreshToken)
		}) {
			found = append(found, text)
		}
	}
	return found
}

// everything is all that a page can read of what is stored.
const everything = `(async () => JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage},
	await indexedDB.databases(), await caches.keys(), location.href, window.name]))()`

// In the mode in which a backend has the tokens the tabs have a cookie, and the
// storms are the same.
func TestBackendForFrontend(t *testing.T) {
	t.Parallel()
	const tabs, count = 5, 20
	var w wire
	s := newStage(t, setting{wrap: w.before})
	c := s.control
	pages := s.openTabs(tabs, "/tab")

	ours := s.run("bff", tabs, count)
	if ours.Lost > 0 || ours.Reuse > 0 || ours.CallersWithoutToken > 0 || ours.Coordination != "server" {
		t.Errorf("%d of %d storms lost, reuse in %d, %d callers without the resource, coordination %s",
			ours.Lost, ours.Storms, ours.Reuse, ours.CallersWithoutToken, ours.Coordination)
	}
	if slices.ContainsFunc(ours.Exchanges, func(n int) bool { return n != 1 }) {
		t.Errorf("exchanges per expiry: %v", ours.Exchanges)
	}
	t.Logf("%s\n%s", s.version(), table([]storms{ours}))

	// By hand: the server has the code redeemed, too.
	click := func(selector string) {
		t.Helper()
		c.wait(`document.querySelector('` + selector + `')?.disabled === false`)
		eval[any](c, `document.querySelector('`+selector+`').click()`)
	}
	click("#sign-in")
	c.wait(`location.pathname === "/authorize" && document.readyState === "complete"`)
	eval[any](c, `document.querySelector("form").submit()`)
	c.wait(`location.pathname === "/" && document.querySelector("#user").textContent.startsWith("Signed in as ada")`)
	c.wait(fmt.Sprintf("demo.tabs() === %d", tabs))
	// The resource refuses a token before its time is over.
	click("#expire")
	c.wait(`document.querySelector("#running").hidden && document.querySelector("#verdict").dataset.state === "kept"`)
	grant := eval[string](c, `JSON.parse(localStorage.getItem("demo:own")).bff.grant`)
	ledger, _ := s.auth.Ledger(grant)
	if n := len(ledger.Presentations); n != 1 {
		t.Errorf("%d exchanges after the resource refused a token in %d tabs", n, tabs)
	}

	// What was sent to the browser is more than what the pages keep.
	browser, cookies, tokens := w.said()
	if want := 2*count + 2; len(tokens) != want {
		t.Errorf("the backend got %d token responses, want %d", len(tokens), want)
	}
	if n := len(browser); n < tabs*(count+1) {
		t.Errorf("only %d requests of the browser were seen", n)
	}
	for _, text := range w.leaks(browser...) {
		t.Errorf("between browser and server: %s", text)
	}
	for _, text := range browser {
		if strings.HasPrefix(text, "POST /token") {
			t.Errorf("a page called the token endpoint: %s", text)
		}
	}
	for _, cookie := range cookies {
		if !strings.Contains(cookie, "; HttpOnly; SameSite=") {
			t.Errorf("a cookie that scripts can read, or other sites can use: %s", cookie)
		}
	}
	if len(cookies) < count {
		t.Errorf("%d cookies were set", len(cookies))
	}
	for _, p := range s.pages {
		stored := eval[string](p, everything)
		if !strings.HasPrefix(stored, `["",`) {
			t.Errorf("a page can read a cookie: %s", stored)
		}
		for _, text := range w.leaks(stored) {
			t.Errorf("a page has a token: %s", text)
		}
	}

	// A sign-out in one tab is one in all.
	eval[any](pages[0], `tab.signOut()`)
	for _, p := range pages {
		p.wait(`document.querySelector("#state").textContent === "Signed out"`)
		if status := eval[int](p, `tab.fetch("/resource").then((r) => r.status)`); status != http.StatusUnauthorized {
			t.Errorf("status %d after the sign-out", status)
		}
	}
	c.wait(`document.querySelector("#user").textContent === "Nobody is signed in."`)
	if ledger, _ := s.auth.Ledger(grant); ledger.RevokedFor != authserver.RevokedOnRequest || len(ledger.Presentations) != 1 {
		t.Errorf("after the sign-out the grant is revoked for %q, with %d exchanges", ledger.RevokedFor, len(ledger.Presentations))
	}

	// So is an end that the authorization server makes of it.
	s.run("bff", tabs, 1)
	_, _, tokens = w.said()
	stolen := tokens[len(tokens)-2] // the one of the sign-in, whose refresh token is spent
	response, err := http.PostForm(s.url+"/token", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {authserver.ClientID}, "refresh_token": {stolen.RefreshToken},
	})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if status := eval[int](pages[0], `tab.fetch("/resource").then((r) => r.status)`); status != http.StatusUnauthorized {
		t.Errorf("status %d after a thief was found out", status)
	}
	for _, p := range pages {
		p.wait(`document.querySelector("#state").textContent === "Signed out"`)
	}
	if ledger, _ := s.auth.Ledger(stolen.Grant); ledger.RevokedFor != authserver.RevokedForReuse {
		t.Errorf("the grant is revoked for %q", ledger.RevokedFor)
	}
}
