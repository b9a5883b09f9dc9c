//go:build !(js && wasm)

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/internal/chromium"
	"github.com/onerefresh/onerefresh/internal/npmbuild"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
	"github.com/onerefresh/onerefresh/web/demo/site"
)

// clientsPage is e2e/formats/page.js with the clients that it imports.
var clientsPage = sync.OnceValues(func() ([]byte, error) {
	if out, err := exec.Command(filepath.Join("..", "internal", "node", "ensure.sh"), "formats").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ensure.sh: %w\n%s", err, out)
	}
	cmd := exec.Command("go", "run", npmbuild.Esbuild, "page.js", "--bundle", "--format=esm", "--external:/dist/*", "--log-level=error")
	cmd.Dir = "formats"
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("esbuild: %w\n%s", err, &stderr)
	}
	return text, nil
})

// A backend makes of the demonstration's token endpoint what the clients
// expect: tokens that are JWTs, ID tokens, and members of their own. The tokens
// are rotated, and their reuse detected, by the demonstration's server.
type backend struct {
	auth *authserver.Server

	mu    sync.Mutex
	nonce string // of the last authorization request
}

func (b *backend) handler(dist string, page []byte) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", site.Handler(b.auth, dist))
	mux.HandleFunc("GET /client", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<!doctype html><title>Client</title><link rel=icon href="data:,"><script type=module src=/client.js></script>`))
	})
	mux.HandleFunc("GET /client.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		w.Write(page)
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			b.mu.Lock()
			b.nonce = r.FormValue("nonce")
			b.mu.Unlock()
		}
		b.auth.ServeHTTP(w, r)
	})
	mux.HandleFunc("POST /client/token", b.token)
	mux.HandleFunc("POST /oauth/token", b.token)
	const realm = "/realms/demo/protocol/openid-connect"
	mux.HandleFunc("POST "+realm+"/token", b.token)
	mux.HandleFunc("GET "+realm+"/auth", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/authorize?"+r.URL.RawQuery, http.StatusFound)
	})
	mux.HandleFunc("GET /auth/me", func(w http.ResponseWriter, r *http.Request) {
		resource := httptest.NewRequest("GET", "/resource", nil)
		resource.Header.Set("Authorization", "Bearer "+claimOf(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "jti"))
		answer := httptest.NewRecorder()
		if b.auth.ServeHTTP(answer, resource); answer.Code != http.StatusOK {
			w.WriteHeader(answer.Code)
			return
		}
		// The name of the project is not that of the login: the client stores it.
		writeJSON(w, http.StatusOK, map[string]any{
			"profile": map[string]any{"resourceType": "Practitioner", "id": "ada"},
			"project": map[string]any{"resourceType": "Project", "id": "p", "name": "Renamed"},
		})
	})
	mux.HandleFunc("POST /supabase/token", b.supabase)
	mux.HandleFunc("POST /supabase/logout", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// ask passes a form on to the token endpoint.
func (b *backend) ask(form string) (status int, answer map[string]any) {
	r := httptest.NewRequest("POST", "/token", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	b.auth.ServeHTTP(w, r)
	json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

func (b *backend) token(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	form := r.PostForm
	wrapped := strings.HasPrefix(r.URL.Path, "/realms/")
	if token := form.Get("refresh_token"); wrapped && token != "" {
		form.Set("refresh_token", claimOf(token, "token"))
	}
	form.Del("scope")
	status, answer := b.ask(form.Encode())
	if status == http.StatusOK {
		b.mu.Lock()
		nonce := b.nonce
		b.mu.Unlock()
		issuer := "http://" + r.Host
		if r.URL.Path == "/oauth/token" {
			issuer += "/"
		}
		life, _ := answer["expires_in"].(float64)
		now := time.Now().Unix()
		claims := map[string]any{"iss": issuer, "sub": "ada", "aud": "demo", "iat": now, "exp": now + int64(life)}
		answer["id_token"] = jwt(claims, "nonce", nonce)
		answer["access_token"] = jwt(claims, "client_id", "demo", "login_id", "l", "sid", "s", "jti", answer["access_token"])
		if wrapped {
			answer["refresh_token"] = jwt(claims, "token", answer["refresh_token"])
		}
		answer["profile"] = map[string]any{"reference": "Practitioner/ada"}
		answer["project"] = map[string]any{"reference": "Project/p", "display": "Named"}
	}
	writeJSON(w, status, answer)
}

func (b *backend) supabase(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Email        string
		RefreshToken string `json:"refresh_token"`
	}
	json.NewDecoder(r.Body).Decode(&body)
	var status int
	answer := make(map[string]any)
	if r.FormValue("grant_type") == "password" {
		status = http.StatusOK
		text, _ := json.Marshal(b.auth.OpenGrant(body.Email, time.Hour))
		json.Unmarshal(text, &answer)
	} else {
		status, answer = b.ask("grant_type=refresh_token&client_id=demo&refresh_token=" + body.RefreshToken)
		if status != http.StatusOK {
			answer["error_code"] = "refresh_token_already_used"
		}
	}
	if status == http.StatusOK {
		life, _ := answer["expires_in"].(float64)
		now := time.Now().Unix()
		answer["expires_at"] = now + int64(life)
		answer["access_token"] = jwt(map[string]any{"sub": "ada", "exp": now + int64(life)}, "jti", answer["access_token"])
		answer["user"] = map[string]any{"id": "ada", "email": "ada@example.com", "aud": "authenticated", "app_metadata": map[string]any{}}
	}
	writeJSON(w, status, answer)
}

// jwt returns one whose signature nobody can check, nor does.
func jwt(claims map[string]any, more ...any) string {
	all := make(map[string]any)
	for name, value := range claims {
		all[name] = value
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i].(string)] = more[i+1]
	}
	part := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(map[string]any{"alg": "RS256", "typ": "JWT"}) + "." + part(all) + ".c2lnbmF0dXJl"
}

func claimOf(token, name string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return token
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	json.Unmarshal(text, &claims)
	value, _ := claims[name].(string)
	return value
}

// newClientStage is newFaultStage for the page of the clients.
func newClientStage(t *testing.T) *stage {
	t.Helper()
	page, err := clientsPage()
	if err != nil {
		t.Fatal(err)
	}
	browser, host := sharedBrowser(t)
	s := &stage{T: t, auth: authserver.New(authserver.Settings{}), browser: browser, gate: new(gate)}
	server := httptest.NewServer(s.gate.before((&backend{auth: s.auth}).handler(dist, page)))
	t.Cleanup(func() {
		s.gate.open()
		s.auth.Close()
		server.CloseClientConnections()
		server.Close()
	})
	s.url = strings.Replace(server.URL, "127.0.0.1", host, 1)
	return s
}

// clients opens n tabs with one client.
func (s *stage) clients(n int, kind, options string) []*page {
	s.Helper()
	tabs := make([]*page, n)
	for i := range tabs {
		tabs[i] = s.open("/client?kind=" + kind + "&options=" + url.QueryEscape(options))
		tabs[i].wait("window.ready")
	}
	return tabs
}

// theirs is what a client says of its session; zero if nobody is signed in.
type theirs struct {
	Access, Refresh string
	User            string
	Expired         bool
}

// settled returns what an expression amounts to, even if the client reloads its
// page meanwhile, as Medplum's does when another user signs in elsewhere.
func settled[T any](p *page, expression string) T {
	p.Helper()
	var value T
	p.until(expression, func() bool {
		ready, err := try[bool](p, "window.ready === true")
		if err == nil && ready {
			value, err = try[T](p, expression)
		}
		return err == nil && ready
	})
	return value
}

func (p *page) theirs() theirs {
	p.Helper()
	if t := settled[*theirs](p, "client.tokens().then(tokens => tokens ?? null)"); t != nil {
		return *t
	}
	return theirs{}
}

// token returns what the session of a page hands out, or the code of the error.
func (p *page) token(options string) string {
	p.Helper()
	return settled[string](p, "session.getAccessToken("+options+").catch(({code, message}) => `${code}: ${message}`)")
}

// logIn signs in with the client, as its user would.
func (p *page) logIn() {
	p.Helper()
	before := p.theirs()
	eval[any](p, "(client.login(), null)")
	p.until("the client is signed in", func() bool {
		try[any](p, `document.readyState === "complete" && !window.sent && (window.sent = document.querySelector("form[action='/authorize']"))?.requestSubmit(), null`)
		tokens, err := try[*theirs](p, "window.ready && client.tokens()")
		return err == nil && tokens != nil && tokens.Access != "" && tokens.Access != before.Access
	})
}

func (p *page) until(what string, ok func() bool) {
	p.Helper()
	for deadline := time.Now().Add(patience); !ok(); poll() {
		if time.Now().After(deadline) {
			p.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// The tokens that one client gets, the other one has: after a login, a refresh
// and a sign-out of each. Nobody presents a refresh token twice.
func TestFormats(t *testing.T) {
	for _, kind := range []string{"medplum", "oidc", "supabase", "auth0", "keycloak", "rfc6749"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newClientStage(t)
			tabs := s.clients(2, kind, "{}")
			app, other := tabs[0], tabs[1]

			app.logIn()
			if kind == "medplum" {
				other.wait("sessionStorage.loads > 1") // it reloads for another user
			}
			first := app.theirs()
			other.until("the session has what the client got", func() bool { return other.token("") == first.Access })
			s.mustHaveRotatedInAll(0)

			renewed := other.token("{forceRefresh: true}")
			app.until("the client has what the session got", func() bool { return app.theirs().Access == renewed })
			second := app.theirs()
			if second.Refresh == first.Refresh || second.User != first.User || second.User == "" || second.Expired {
				t.Errorf("after a refresh, the client has %+v, and had %+v", second, first)
			}
			s.mustHaveRotatedInAll(1)

			// What the session wrote, the client can go on with.
			settled[any](app, "client.refresh().then(() => null)")
			third := app.theirs()
			other.until("the session has what the client got by itself", func() bool { return other.token("") == third.Access })
			s.mustHaveRotatedInAll(2)
			renewed = other.token("{forceRefresh: true}")
			app.until("the client has what the session got after that", func() bool { return app.theirs().Access == renewed })
			s.mustHaveRotatedInAll(3)
			if renewed == second.Access || renewed == third.Access {
				t.Error("there was no refresh")
			}

			fourth := app.theirs()
			settled[any](other, "session.signOut().then(() => null)")
			app.until("the client hears of the session's sign-out", func() bool { return app.theirs() == theirs{} })
			left := settled[string](app, `JSON.stringify({...localStorage})`)
			for _, token := range []string{first.Refresh, second.Refresh, third.Refresh, fourth.Refresh, renewed} {
				if strings.Contains(left, token) {
					t.Errorf("after a sign-out there is %s", left)
				}
			}

			app.logIn()
			again := app.theirs()
			other.until("the session has what the client got at another login", func() bool { return other.token("") == again.Access })
			settled[any](app, "Promise.resolve(client.signOut()).then(() => null)")
			other.until("the session hears of the client's sign-out", func() bool { return strings.HasPrefix(other.token(""), "signed_out") })
			s.mustHaveRotatedInAll(3)
		})
	}
}

// mustHaveRotatedInAll fails the test unless n refresh tokens were presented,
// and all of them were good.
func (s *stage) mustHaveRotatedInAll(n int) {
	s.Helper()
	totals := s.auth.Totals()
	if totals.Presentations != n || totals.Outcomes[authserver.OutcomeRotated] != n || len(totals.Revoked) > 0 || totals.Unknown > 0 {
		s.Errorf("the endpoint saw %+v; want %d refresh tokens, all rotated", totals, n)
	}
}

// oidcAtToken is the demonstration's token endpoint, without the tokens that
// only other clients want.
const oidcAtToken = `{"tokenEndpoint": "/token", "revocationEndpoint": "/revoke"}`

// store has the client of a tab store a token response, as at the end of a
// login, and waits until all tabs see that.
func (s *stage) store(tabs []*page, in int, response authserver.TokenResponse) {
	s.Helper()
	text, err := json.Marshal(response)
	if err != nil {
		s.Fatal(err)
	}
	eval[any](tabs[in], fmt.Sprintf("client.store(%s).then(() => null)", text))
	for _, tab := range tabs {
		tab.wait(fmt.Sprintf("localStorage[client.format.key]?.includes(%q)", response.RefreshToken))
	}
}

// atOnce evaluates an expression in all tabs at the same instant.
func atOnce(tabs []*page, expression string) []string {
	at := time.Now().Add(60 * time.Millisecond).UnixMilli()
	begin := fmt.Sprintf(`window.result = new Promise((done) => setTimeout(done, %d - Date.now())).then(() => %s).catch(({code, message}) => "" + (code ?? message)), null`, at, expression)
	for _, tab := range tabs {
		eval[any](tab, begin)
	}
	results := make([]string, len(tabs))
	for i, tab := range tabs {
		results[i] = eval[string](tab, "result")
	}
	return results
}

// A storm hits a record that other code has just written, and one that it wrote
// a while ago. The published pattern over the same record must lose sessions, or
// the storms prove nothing.
func TestFormatStorm(t *testing.T) {
	t.Parallel()
	const grants, control, n = 12, 60, 5
	s := newClientStage(t)
	browser, end, err := chromium.Start(context.Background()) // with no other tabs to share processes with
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	s.browser = browser
	s.configure(authserver.Settings{LatencyBefore: 50 * time.Millisecond})
	tabs := s.clients(n, "oidc", oidcAtToken)
	isolates := make(map[string]bool)
	for _, tab := range tabs {
		isolates[tab.isolate()] = true
	}
	if len(isolates) != n {
		t.Fatalf("%d tabs share %d renderer processes", n, len(isolates))
	}

	lost := func(grant string, exchanges int, tokens []string) string {
		ledger, _ := s.auth.Ledger(grant)
		for _, token := range tokens {
			if token != tokens[0] {
				return fmt.Sprintf("the tabs got %q", tokens)
			}
		}
		if user := s.user(tokens[0]); user != "ada" {
			return fmt.Sprintf("the tabs got %q, a token of %q", tokens[0], user)
		}
		if rotated := ledger.Count(authserver.OutcomeRotated); rotated != exchanges || len(ledger.Presentations) != exchanges || !ledger.Revoked.IsZero() {
			return fmt.Sprintf("the endpoint saw %+v, revoked for %q", ledger.Presentations, ledger.RevokedFor)
		}
		return ""
	}
	for i := range grants {
		response := s.auth.OpenGrant("ada", 0)
		s.store(tabs, i%n, response)
		tokens := atOnce(tabs, "session.getAccessToken()")
		if why := lost(response.Grant, 1, tokens); why != "" {
			t.Errorf("storm %d, right after a login: %s", i, why)
		}
		for _, tab := range tabs {
			tab.wait(fmt.Sprintf("localStorage[client.format.key]?.includes(%q)", tokens[0]))
		}
		again := atOnce(tabs, "session.getAccessToken({forceRefresh: true})")
		if why := lost(response.Grant, 2, again); why != "" || again[0] == tokens[0] {
			t.Errorf("storm %d: %s", i, why)
		}
	}
	for i := range control {
		response := s.auth.OpenGrant("ada", 0)
		s.store(tabs, i%n, response)
		if why := lost(response.Grant, 1, atOnce(tabs, "client.published()")); why != "" {
			t.Logf("the published pattern lost the session of storm %d: %s", i, why)
			return
		}
	}
	t.Errorf("the published pattern lost none of %d storms: they are too weak to show anything", control)
}

func (s *stage) configure(settings authserver.Settings) {
	s.auth.Configure(func(c *authserver.Settings) { *c = settings })
}

// An answer that comes when another user has signed in with the client is
// dropped. It is not revoked: nobody can know that it was not the client's own
// refresh of the same session.
func TestFormatLoginDuringARefresh(t *testing.T) {
	t.Parallel()
	s := newClientStage(t)
	tabs := s.clients(2, "oidc", oidcAtToken)
	alice, bob := s.auth.OpenGrant("alice", time.Hour), s.auth.OpenGrant("bob", time.Hour)
	s.store(tabs, 0, alice)
	tabs[1].until("the session is the first user's", func() bool { return tabs[1].token("") == alice.AccessToken })

	request := s.hold(beforeAnswer)
	eval[any](tabs[1], "window.result = session.getAccessToken({forceRefresh: true}), null")
	s.arrivedAt(request)
	s.store(tabs, 0, bob)
	request.release()
	if got := eval[string](tabs[1], "result"); got != bob.AccessToken {
		t.Errorf("the caller got %q, want the token of the user who is signed in", got)
	}
	for _, tab := range tabs {
		if got := tab.theirs(); got.Access != bob.AccessToken || got.Refresh != bob.RefreshToken {
			t.Errorf("the client has %+v", got)
		}
	}
	if ledger, _ := s.auth.Ledger(alice.Grant); !ledger.Revoked.IsZero() {
		t.Errorf("revoked for %q", ledger.RevokedFor)
	}
	tabs[0].until("the other tab has the second user's token", func() bool { return tabs[0].token("") == bob.AccessToken })
	s.mustHaveRotatedInAll(1)
}

// A client that stores what it had read before a refresh brings a spent refresh
// token back. Nobody presents it.
func TestFormatSpentTokenPutBack(t *testing.T) {
	t.Parallel()
	s := newClientStage(t)
	tabs := s.clients(3, "oidc", oidcAtToken)
	s.store(tabs, 0, s.auth.OpenGrant("ada", time.Hour))
	const read, putBack = "window.read = client.format.key, window.was = localStorage[read], null", "localStorage[read] = was, null"
	eval[any](tabs[0], read)
	renewed := tabs[1].token("{forceRefresh: true}")
	for _, tab := range tabs {
		tab.until("the tab has the new token", func() bool { return tab.token("") == renewed })
	}

	eval[any](tabs[0], putBack)
	got := atOnce(tabs, "session.getAccessToken({forceRefresh: true})")
	s.mustHaveRotatedInAll(2)
	for _, tab := range tabs {
		tab.until("all have the token that was good", func() bool { return tab.theirs().Access == tabs[0].token("") })
		if token := tab.token(""); token == renewed {
			t.Errorf("still %q, after %q", token, got)
		}
	}
	s.mustHaveRotatedInAll(2)
}
