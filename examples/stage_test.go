//go:build !(js && wasm)

package examples

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
	"github.com/onerefresh/onerefresh/internal/npmbuild"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// patience bounds everything that a test waits for.
const patience = time.Minute

var (
	built   string   // the folder of the package and the bundles
	inputs  []string // the files that the bundles are made of
	browser context.Context

	stages struct {
		sync.Mutex
		n int
	}
)

func TestMain(m *testing.M) {
	log.SetFlags(0)
	os.Exit(run(m))
}

func run(m *testing.M) int {
	temp, err := os.MkdirTemp("", "examples")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	built = temp
	if err := bundle(); err != nil {
		log.Print(err)
		return 1
	}
	var end context.CancelFunc
	browser, end, err = chromium.Start(context.Background(), chromium.Unthrottled, chromedp.IgnoreCertErrors)
	if err != nil {
		log.Print(err)
		return 1
	}
	defer end()
	return m.Run()
}

// bundle builds the package, and a script of each file in testdata with the
// recipe that it imports. The module is next to the scripts, where they look for
// it.
func bundle() error {
	if _, err := os.Stat("node_modules"); err != nil {
		return fmt.Errorf("%w: run internal/node/ensure.sh examples", err)
	}
	if err := npmbuild.Into(built); err != nil {
		return err
	}
	entries, err := filepath.Glob("testdata/*.ts*")
	if err != nil {
		return err
	}
	meta := filepath.Join(built, "meta.json")
	args := append([]string{"run", npmbuild.Esbuild}, entries...)
	if err := do("go", append(args, "--outdir="+filepath.Join(built, "tabs"), "--outbase=testdata", "--asset-names=[name]",
		"--bundle", "--format=esm", "--target=es2022", "--jsx=automatic", "--log-level=warning", "--metafile="+meta,
		"--alias:onerefresh="+filepath.Join(built, "index.js"),
		"--define:import.meta.env.VITE_API=env.api", `--define:process.env.NODE_ENV="development"`)...); err != nil {
		return fmt.Errorf("bundling the examples: %w", err)
	}
	text, err := os.ReadFile(meta)
	if err != nil {
		return err
	}
	var graph struct{ Inputs map[string]any }
	if err := json.Unmarshal(text, &graph); err != nil {
		return err
	}
	for name := range graph.Inputs {
		inputs = append(inputs, name)
	}
	return nil
}

func do(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

// A stage is an application's origin, with the authorization server behind it,
// and the API on another origin.
type stage struct {
	*testing.T
	auth  *authserver.Server
	url   string // of the application
	api   string
	grant string
	jwt   bool // access tokens are those of Medplum's server

	mu       sync.Mutex
	crowd    *crowd
	requests map[string][]int // by id: the generation of the token of each request, or one of those below
}

const (
	refused   = -1
	anonymous = -2
)

// A crowd is what the token endpoint waits for before it answers: that so many
// refresh tokens have come. It does not wait for long.
type crowd struct {
	missing int
	all     chan struct{}
}

func newStage(t *testing.T) *stage {
	t.Helper()
	stages.Lock()
	stages.n++
	// An origin of its own: https://www.rfc-editor.org/rfc/rfc6761#section-6.3
	host := fmt.Sprintf("example%d.localhost", stages.n)
	stages.Unlock()
	s := &stage{T: t, auth: authserver.New(authserver.Settings{LatencyBefore: 50 * time.Millisecond}), requests: make(map[string][]int)}
	s.api = serve(t, s.serveAPI())
	s.url = strings.Replace(serve(t, s.serveApp()), "127.0.0.1", host, 1)
	t.Cleanup(s.auth.Close)
	return s
}

func serve(t *testing.T, handler http.Handler) (url string) {
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that the browser gives up
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func (s *stage) serveApp() http.Handler {
	mux := http.NewServeMux()
	files := http.FileServer(http.Dir(built))
	for _, name := range []string{"onerefresh.js", "onerefresh.wasm"} {
		mux.Handle("/"+name, files)
		mux.Handle("/tabs/"+name, http.StripPrefix("/tabs", files))
	}
	mux.Handle("/tabs/", files)
	mux.HandleFunc("/env.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, "window.env = {api: %q};", s.api)
	})
	mux.HandleFunc("/script.html", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "script.html") })
	page := func(w http.ResponseWriter, r *http.Request) {
		name := strings.Trim(r.URL.Path, "/")
		switch name { // where the login page leads back to
		case "callback":
			name = "oauth4webapi"
		case "signed-in":
			name = "oidc-client-ts"
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; base-uri 'none'; "+
			"connect-src 'self' https://127.0.0.1:* wss://127.0.0.1:*") // no API is elsewhere
		fmt.Fprintf(w, `<!doctype html><title>%s</title><link rel=icon href="data:,"><body><script src=/env.js></script><script type=module src=/tabs/%[1]s.js></script>`, name)
	}
	mux.HandleFunc("/{name}", page)
	mux.HandleFunc("/api/patients", s.serveThing)
	// https://www.rfc-editor.org/rfc/rfc8414#section-2
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]string{"issuer": s.url, "authorization_endpoint": s.url + "/authorize", "token_endpoint": s.url + "/token"})
	})
	mux.Handle("/authorize", named(s.auth))
	mux.Handle("/authorize.css", s.auth)
	mux.Handle("/revoke", named(s.auth))
	mux.Handle("/token", s.crowded(named(http.HandlerFunc(s.serveToken))))
	return mux
}

// named is for the one client of the authorization server, which goes by another
// name in the examples.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			query := r.URL.Query()
			query.Set("client_id", authserver.ClientID)
			r.URL.RawQuery = query.Encode()
		} else if r.ParseForm() == nil && r.PostForm.Get("client_id") == "spa" {
			r.PostForm.Set("client_id", authserver.ClientID)
			r.Form.Set("client_id", authserver.ClientID)
		}
		next.ServeHTTP(w, r)
	})
}

// crowded holds answers back until the crowd is there.
func (s *stage) crowded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		crowd := s.crowd
		if crowd != nil {
			if crowd.missing--; crowd.missing == 0 {
				close(crowd.all)
			}
		}
		s.mu.Unlock()
		if crowd != nil {
			select {
			case <-crowd.all:
			case <-time.After(2 * time.Second):
			}
		}
		next.ServeHTTP(w, r)
	})
}

// expectCrowd makes the token endpoint wait for n refresh tokens.
func (s *stage) expectCrowd(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crowd = &crowd{n, make(chan struct{})}
}

func (s *stage) expectNobody() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crowd = nil
}

func (s *stage) serveToken(w http.ResponseWriter, r *http.Request) {
	recorder := httptest.NewRecorder()
	s.auth.ServeHTTP(recorder, r)
	var response map[string]any
	if json.Unmarshal(recorder.Body.Bytes(), &response) == nil && response["access_token"] != nil {
		response["access_token"] = s.wrap(response["access_token"].(string))
		recorder.Body.Reset()
		json.NewEncoder(recorder.Body).Encode(response)
	}
	for name, values := range recorder.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorder.Code)
	w.Write(recorder.Body.Bytes())
}

// wrap makes a JWT of an access token, if it is to be one. Nobody here looks at
// its signature.
func (s *stage) wrap(token string) string {
	if !s.jwt {
		return token
	}
	encode := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return encode(map[string]string{"alg": "none"}) + "." +
		encode(map[string]any{"login_id": "1", "client_id": "spa", "exp": time.Now().Add(time.Hour).Unix(), "token": token}) + ".x"
}

func unwrap(token string) string {
	_, rest, isJWT := strings.Cut(token, ".")
	if !isJWT {
		return token
	}
	payload, _, _ := strings.Cut(rest, ".")
	text, _ := base64.RawURLEncoding.DecodeString(payload)
	var claims struct{ Token string }
	json.Unmarshal(text, &claims)
	return claims.Token
}

// identify returns who an access token is for, and its generation.
func (s *stage) identify(token string) (user string, generation int) {
	if token == "" || token == "publishable key" {
		return "", anonymous
	}
	request := httptest.NewRequest(http.MethodGet, "/resource", nil)
	request.Header.Set("Authorization", "Bearer "+unwrap(token))
	recorder := httptest.NewRecorder()
	s.auth.ServeHTTP(recorder, request)
	var resource struct {
		User       string
		Generation int
	}
	if recorder.Code != http.StatusOK || json.Unmarshal(recorder.Body.Bytes(), &resource) != nil {
		return "", refused
	}
	return resource.User, resource.Generation
}

// authorize notes a request, and reports whether it is to be answered. "never"
// and "scope" are not, whatever the token.
func (s *stage) authorize(w http.ResponseWriter, r *http.Request, id string) (user string, ok bool) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	user, generation := s.identify(token)
	reason := "invalid_token"
	switch id {
	case "scope":
		reason = "insufficient_scope"
		fallthrough
	case "never":
		generation = min(generation, refused)
	}
	s.mu.Lock()
	s.requests[id] = append(s.requests[id], generation)
	s.mu.Unlock()
	if generation < 0 {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer error=%q", reason))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"resourceType": "OperationOutcome", "id": "unauthorized"}`)
	}
	return user, generation >= 0
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func (s *stage) serveThing(w http.ResponseWriter, r *http.Request) {
	if user, ok := s.authorize(w, r, r.FormValue("id")); ok {
		var body struct{ Text string }
		json.NewDecoder(r.Body).Decode(&body)
		answer(w, map[string]string{"user": user, "text": body.Text})
	}
}

func (s *stage) serveAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/things", s.serveThing)
	mux.HandleFunc("GET /rest/v1/things", func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(r.FormValue("id"), "eq.")
		if _, ok := s.authorize(w, r, id); ok {
			answer(w, []map[string]string{{"id": id}})
		}
	})
	mux.HandleFunc("GET /fhir/R4/Patient/{id}", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.authorize(w, r, r.PathValue("id")); ok {
			answer(w, map[string]string{"resourceType": "Patient", "id": r.PathValue("id")})
		}
	})
	mux.HandleFunc("POST /fhir/R4/Subscription", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.authorize(w, r, "subscription"); ok {
			answer(w, map[string]string{"resourceType": "Subscription", "id": "7"})
		}
	})
	mux.HandleFunc("GET /auth/me", func(w http.ResponseWriter, r *http.Request) {
		if user, ok := s.authorize(w, r, "me"); ok {
			answer(w, map[string]any{"profile": map[string]string{"resourceType": "Practitioner", "id": user}})
		}
	})
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Variables struct{ ID string } }
		json.NewDecoder(r.Body).Decode(&request)
		if _, ok := s.authorize(w, r, request.Variables.ID); ok {
			answer(w, map[string]any{"data": map[string]any{"thing": map[string]string{"__typename": "Thing", "id": request.Variables.ID}}})
		}
	})
	// What auth-js of Supabase sends to refresh.
	mux.Handle("POST /auth/v1/token", s.crowded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			RefreshToken string `json:"refresh_token"`
		}
		json.NewDecoder(r.Body).Decode(&request)
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {authserver.ClientID}, "refresh_token": {request.RefreshToken}}
		r, _ = http.NewRequest("POST", "/token", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		recorder := httptest.NewRecorder()
		s.auth.ServeHTTP(recorder, r)
		var response map[string]any
		json.Unmarshal(recorder.Body.Bytes(), &response)
		response["user"] = map[string]string{"id": "1"}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(recorder.Code)
		json.NewEncoder(w).Encode(response)
	})))
	mux.HandleFunc("/stream", s.serveStream)
	mux.HandleFunc("/never", s.serveStream)
	mux.HandleFunc("/ws/subscriptions-r4", s.serveNotifications)
	mux.HandleFunc("GET /fhir/R4/Subscription/{id}/$get-ws-binding-token", s.serveBindingToken)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		h.Set("Access-Control-Allow-Credentials", "true") // Medplum's client asks for that
		h.Set("Access-Control-Expose-Headers", "WWW-Authenticate")
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, "+r.Header.Get("Access-Control-Request-Headers"))
		if r.Method != http.MethodOptions {
			mux.ServeHTTP(w, r)
		}
	})
}

// seen returns what the API has seen since it was asked last.
func (s *stage) seen() map[string][]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.requests
	s.requests = make(map[string][]int)
	return seen
}

// A tab has a renderer process of its own.
type tab struct {
	*stage
	ctx context.Context
}

// visit opens a page in a tab.
func (s *stage) visit(path string) tab {
	s.Helper()
	ctx, end := chromedp.NewContext(browser)
	s.Cleanup(end)
	if err := chromedp.Do(ctx, chromedp.Navigate(s.url+"/"+path)); err != nil {
		s.Fatalf("%s: %v", path, err)
	}
	return tab{s, ctx}
}

// open opens the page of a recipe in n tabs.
func (s *stage) open(name string, n int) []tab {
	s.Helper()
	tabs := make([]tab, n)
	isolates := make(map[string]bool)
	for i := range tabs {
		tabs[i] = s.visit(name)
		id, err := chromedp.Run(tabs[i].ctx, func(ctx context.Context, target *chromedp.Target) (string, error) {
			result, err := cdp.Call(ctx, target, runtime.GetIsolateID, cdp.Empty{})
			return result.ID, err
		})
		if err != nil {
			s.Fatal(err)
		}
		isolates[id] = true
	}
	if len(isolates) != n {
		s.Fatalf("%d tabs share %d renderer processes", n, len(isolates))
	}
	for _, tab := range tabs {
		tab.wait("window.tab")
	}
	return tabs
}

// try returns what a JavaScript expression, or the promise that it is, amounts
// to.
func try[T any](t tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

func eval[T any](t tab, expression string) T {
	t.Helper()
	value, err := try[T](t, expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// wait waits until an expression is true.
func (t tab) wait(expression string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		ok, err := try[bool](t, "Promise.resolve("+expression+").then(Boolean)")
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			body, _ := try[string](t, "document.body.innerText")
			t.Fatalf("not within %v: %s (%v)\n%s", patience, expression, err, body)
		}
	}
}

// signIn signs a user in with an access token that lives for a while.
func (t tab) signIn(user string, lifetime time.Duration) {
	t.Helper()
	response := t.auth.OpenGrant(user, lifetime)
	t.grant = response.Grant
	response.AccessToken = t.wrap(response.AccessToken)
	text, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	eval[any](t, fmt.Sprintf("(tab.signIn ?? tab.session.signIn.bind(tab.session))(%s), null", text))
}

// mustHaveRotated fails the test unless the endpoint saw n refresh tokens, each
// once, and the family lives.
func (s *stage) mustHaveRotated(n int) {
	s.Helper()
	ledger, _ := s.auth.Ledger(s.grant)
	if len(ledger.Presentations) != n || ledger.Count(authserver.OutcomeRotated) != n || !ledger.Revoked.IsZero() {
		s.Errorf("the endpoint saw %+v, revoked for %q; want %d refresh tokens, each once", ledger.Presentations, ledger.RevokedFor, n)
	}
}
