//go:build !(js && wasm)

package npm_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestOptionsThatMakeNoSense(t *testing.T) {
	page := newSite(t).open("esm")
	for _, test := range []struct{ options, names string }{
		{`undefined`, "options"},
		{`null`, "options"},
		{`"s"`, "options"},
		{`{}`, "name"},
		{`{...options, name: undefined}`, "name"},
		{`{...options, name: ""}`, "name"},
		{`{...options, name: 7}`, "name"},
		{`{...options, storageKey: ""}`, "storageKey"},
		{`{...options, storageKey: {}}`, "storageKey"},
		{`{...options, format: null}`, "format"},
		{`{...options, format: "medplum"}`, "format"},
		{`{...options, format: {read() {}}}`, "format"},
		{`{...options, format: {read() {}, write() {}, key: ""}}`, "key"},
		{`{...options, format: {read() {}, write() {}, key: 7}}`, "key"},
		{`{name: "s", clientId: "c"}`, "tokenEndpoint"},
		{`{...options, refresh: async () => {}}`, "tokenEndpoint"},
		{`{...options, tokenEndpoint: ""}`, "tokenEndpoint"},
		{`{...options, tokenEndpoint: "http://"}`, "tokenEndpoint"},
		{`{...options, tokenEndpoint: "data:,x"}`, "tokenEndpoint"},
		{`{...options, tokenEndpoint: {}}`, "tokenEndpoint"},
		{`{...options, clientId: undefined}`, "clientId"},
		{`{...options, clientId: ""}`, "clientId"},
		{`{...options, scope: ["a"]}`, "scope"},
		{`{...options, revocationEndpoint: "http://["}`, "revocationEndpoint"},
		{`{name: "s", refresh: async () => {}, revocationEndpoint: "/revoke"}`, "clientId"},
		{`{name: "s", refresh: "/refresh"}`, "refresh"},
		{`{name: "s", refresh: null}`, "refresh"},
		{`{...options, provider: "Medplum"}`, "provider"},
		{`{...options, provider: 1}`, "provider"},
		{`{...options, expiryMargin: -1}`, "expiryMargin"},
		{`{...options, expiryMargin: NaN}`, "expiryMargin"},
		{`{...options, expiryMargin: "30"}`, "expiryMargin"},
		{`{...options, exchangeTimeout: 0}`, "exchangeTimeout"},
		{`{...options, exchangeTimeout: Infinity}`, "exchangeTimeout"},
		{`{...options, lockTimeout: -1}`, "lockTimeout"},
		{`{...options, lockTimeout: 10n}`, "lockTimeout"},
		{`{...options, origins: "https://api.example"}`, "origins"},
		{`{...options, origins: ["api.example"]}`, "origins"},
		{`{...options, origins: [undefined]}`, "origins"},
		{`{...options, wasmURL: "http://["}`, "wasmURL"},
		{`{...options, wasmModule: {}}`, "wasmModule"},
		{`{...options, wasmIntegrity: ""}`, "wasmIntegrity"},
		{`{...options, wasmIntegrity: "md5-1B2M2Y8AsgTpgAmY7PhCfg=="}`, "wasmIntegrity"},
		{`{...options, wasmIntegrity: "sha384"}`, "wasmIntegrity"},
	} {
		got := eval[outcome](page, `return outcome(onerefresh.open(`+test.options+`))`)
		if !got.Typed || got.Code != "invalid_options" || !strings.HasPrefix(got.Message, test.names+" ") {
			t.Errorf("%s: got %s, want invalid_options naming %s", test.options, got, test.names)
		}
	}

	good := []string{
		`options`,
		`{...options, tokenEndpoint: new URL("/token", location.href), scope: "a b", storageKey: "k", provider: "medplum",
			revocationEndpoint: "/revoke", expiryMargin: 0, exchangeTimeout: 1, lockTimeout: 1e300, origins: ["https://api.example", new URL(location.href)]}`,
		`{name: "s", refresh: async () => {}}`,
	}
	for _, options := range good {
		if got := eval[outcome](page, `return outcome(onerefresh.open(`+options+`).then((s) => s.coordination))`); got.Value != "web-locks" {
			t.Errorf("%s: got %s", options, got)
		}
	}
}

// The loader, the types and provider.go know the same providers.
func TestProviders(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../provider.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Provider" {
				for _, v := range spec.Values {
					name, _ := strconv.Unquote(v.(*ast.BasicLit).Value)
					want = append(want, name)
				}
			}
		}
		return true
	})
	slices.Sort(want)

	page := newSite(t).open("esm")
	got := eval[outcome](page, `return outcome(onerefresh.open({...options, provider: "?"}))`)
	_, list, _ := strings.Cut(got.Message, "must be one of ")
	known := strings.Split(list, ", ")
	slices.Sort(known)
	if len(want) == 0 || !slices.Equal(known, want) {
		t.Errorf("the loader knows %q, provider.go %q", known, want)
	}
	types, err := os.ReadFile("src/index.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, union, _ := strings.Cut(string(types), "export type Provider = ")
	union, _, _ = strings.Cut(union, ";")
	typed := strings.FieldsFunc(union, func(r rune) bool { return strings.ContainsRune("\" |\n", r) })
	slices.Sort(typed)
	if !slices.Equal(typed, want) {
		t.Errorf("the types know %q, provider.go %q", typed, want)
	}
}

func TestStorageRefused(t *testing.T) {
	for _, how := range []string{"script"} { // a module script does not load in an opaque origin without CORS
		s := newSite(t)
		s.csp = "sandbox allow-scripts"
		got := eval[outcome](s.open(how), `return outcome(onerefresh.open(options))`)
		if !got.Typed || got.Code != "misconfigured" || !strings.Contains(got.Cause, "sandboxed") {
			t.Errorf("got %s", got)
		}
	}
}

func TestWithoutWebLocks(t *testing.T) {
	for name, locks := range map[string]string{
		"missing": `undefined`,
		"refused": `{query: async () => { throw new DOMException("no", "SecurityError") }, request: async () => { throw new DOMException("no", "SecurityError") }}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			got := eval[[]string](s.open("esm"), `
				Object.defineProperty(navigator, "locks", {value: `+locks+`});
				store(stale);
				const sessions = await Promise.all([onerefresh.open(options), onerefresh.open(options)]);
				const tokens = await Promise.all([...sessions, ...sessions].map((s) => s.getAccessToken()));
				return [sessions[0].coordination, ...tokens];`)
			if want := []string{"tab", "a2", "a2", "a2", "a2"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if n := s.count("/token"); n != 1 {
				t.Errorf("%d exchanges", n)
			}
		})
	}
}

func TestSignIn(t *testing.T) {
	s := newSite(t)
	page := s.open("esm")
	eval[any](page, `store(valid); window.session = await onerefresh.open(options)`)
	const stored = `return localStorage.getItem("onerefresh:s")`
	before := eval[string](page, stored)
	for _, test := range []struct{ response, names string }{
		{`undefined`, "object"},
		{`null`, "object"},
		{`"token"`, "object"},
		{`{}`, "access_token"},
		{`{expires_in: 60}`, "access_token"},
		{`{access_token: "", expires_in: 60}`, "access_token"},
		{`{access_token: 1, expires_in: 60}`, "access_token"},
		{`{access_token: "SECRET"}`, "expires_in"},
		{`{access_token: "SECRET", expires_in: "60"}`, "expires_in"},
		{`{access_token: "SECRET", expires_in: -60}`, "expires_in"},
		{`{access_token: "SECRET", expires_in: NaN}`, "expires_in"},
		{`{access_token: "SECRET", expires_in: 60, refresh_token: {}}`, "refresh_token"},
		{`{access_token: "SECRET", get expires_in() { throw new Error("no") }}`, "expires_in"},
	} {
		got := eval[outcome](page, `return outcome(session.signIn(`+test.response+`))`)
		if !got.Typed || got.Code != "invalid_options" || !strings.Contains(got.Message, test.names) || strings.Contains(got.Message+got.Cause, "SECRET") {
			t.Errorf("%s: got %s, want invalid_options naming %s", test.response, got, test.names)
		}
	}
	if after := eval[string](page, stored); after != before {
		t.Errorf("stored %s\nbefore %s", after, before)
	}

	got := eval[[]any](page, `
		await session.signIn({access_token: "new", expires_in: 60, refresh_token: "r1", patient: "p"});
		const token = await session.getAccessToken();
		const signedIn = session.signedIn;
		await session.signOut();
		return [token, signedIn, session.signedIn, (await outcome(session.getAccessToken())).code];`)
	if want := []any{"new", true, false, "signed_out"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEvents(t *testing.T) {
	s := newSite(t)
	page := s.open("esm")
	got := eval[[]string](page, `
		const session = await onerefresh.open(options);
		const events = [];
		for (const type of ["refreshed", "adopted", "signedin", "signedout", "refresherror"]) {
			session.addEventListener(type, (e) => {
				events.push([e.type, e instanceof CustomEvent, typeof e.detail.generation, e.detail.code, Object.keys(e.detail).sort()].join(" "));
				session.getAccessToken().catch(() => {}); // a listener may call the session
			});
		}
		await session.signIn({access_token: "a1", expires_in: 60, refresh_token: "r1"});
		if (await session.getAccessToken({forceRefresh: true}) !== "a2") throw new Error("not refreshed");
		await session.signOut();
		await session.signIn({access_token: "a1", expires_in: 0, refresh_token: "unknown"});
		await outcome(session.getAccessToken());
		await new Promise(requestAnimationFrame);
		session.close();
		return events;`)
	want := []string{
		"signedin true number  generation",
		"refreshed true number  generation",
		"signedout true number  generation",
		"signedin true number  generation",
		"signedout true number session_ended code,generation",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What other tabs do while the module is on its way is an event, too.
func TestEventsBeforeTheModule(t *testing.T) {
	for _, test := range []struct{ before, meanwhile, want string }{
		{`store(valid)`, `localStorage.removeItem("onerefresh:s")`, "signedout"},
		{`store(valid)`, `store({generation: 2})`, "signedout"},
		{`store(valid)`, `store({...valid, generation: 2, access_token: "new"})`, "adopted"},
		{`store(valid)`, `store({...valid, generation: 2, epoch: 2, access_token: "bob's"})`, "signedin"},
		{``, `store(valid)`, "signedin"},
		{``, `store(valid); session.signedIn`, "signedin"},
		{``, `store(valid); session.signedIn; localStorage.removeItem("onerefresh:s")`, "signedin signedout"},
		{`store(valid)`, ``, ""},
	} {
		s := newSite(t)
		arrive := make(chan struct{})
		s.modules = append(s.modules, func(w http.ResponseWriter) {
			<-arrive
			w.Header().Set("Content-Type", "application/wasm")
			module, _ := os.ReadFile(filepath.Join(dist, "onerefresh.wasm"))
			w.Write(module)
		})
		page := s.open("esm")
		eval[any](page, test.before+`;
			const session = await onerefresh.open(options);
			window.events = [];
			for (const type of ["refreshed", "adopted", "signedin", "signedout", "refresherror"]) {
				session.addEventListener(type, () => events.push(type));
			}
			`+test.meanwhile)
		close(arrive)
		got := eval[[]string](page, `
			const other = await onerefresh.open({...options, name: "other"});
			await other.signIn({access_token: "a", expires_in: 60}); // by then both sessions are open in the module
			while (events.length < `+strconv.Itoa(len(strings.Fields(test.want)))+`) await new Promise(requestAnimationFrame);
			await new Promise((done) => setTimeout(done, 300)); // for one too many
			return events`)
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s, then %s: events %q, want %q", test.before, test.meanwhile, got, test.want)
		}
	}
}

// However many callers there are, Go is called for one of them.
func TestManyCallersAreOneCallOfGo(t *testing.T) {
	s := newSite(t)
	got := eval[[]any](s.open("esm"), `
		let calls = 0;
		const { instantiate } = WebAssembly;
		WebAssembly.instantiate = async (...args) => {
			const { exports } = await instantiate.apply(WebAssembly, args);
			return { exports: { ...exports, resume: () => (calls++, exports.resume()) } };
		};
		store(valid);
		const session = await onerefresh.open(options);
		const all = (options) => Promise.all(Array.from({length: 1000}, () => session.getAccessToken(options)));
		const tokens = new Set(await all({forceRefresh: true}));
		for (const token of await all({rejected: [...tokens][0]})) tokens.add(token);
		return [...tokens, calls < 500];`)
	if fmt.Sprint(got) != "[a2 a3 true]" {
		t.Errorf("tokens, and whether there were few calls: %v", got)
	}
}

// A token that a resource server refused is replaced, but only once: whoever
// comes later with the same one gets what there is now.
func TestForceRefresh(t *testing.T) {
	s := newSite(t)
	page := s.open("esm")
	got := eval[[]string](page, `
		store(valid);
		const [a, b] = await Promise.all([onerefresh.open(options), onerefresh.open(options)]);
		const tokens = await Promise.all([a.getAccessToken(), b.getAccessToken()]);
		tokens.push(...await Promise.all([a.getAccessToken({forceRefresh: true}), a.getAccessToken({forceRefresh: true})]));
		tokens.push(await b.getAccessToken({forceRefresh: true}));
		const c = await onerefresh.open(options);
		tokens.push(await c.getAccessToken({forceRefresh: true})); // it handed out none: what is stored counts as refused
		return tokens;`)
	if want := []string{"stored", "stored", "a2", "a2", "a2", "a3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := s.count("/token"); n != 2 {
		t.Errorf("%d exchanges", n)
	}
}

// Two requests were refused; the second one's answer comes when the session has
// handed out another token already. That one is good.
func TestRejectedTokenIsReplacedOnce(t *testing.T) {
	s := newSite(t)
	got := eval[[]string](s.open("esm"), `
		store(valid);
		const session = await onerefresh.open(options);
		const rejected = await session.getAccessToken();
		const tokens = [rejected, await session.getAccessToken({rejected}), await session.getAccessToken({rejected})];
		tokens.push(await session.getAccessToken({rejected, forceRefresh: true})); // what is known counts
		tokens.push(await session.getAccessToken({rejected: tokens[1]}));
		return tokens;`)
	if want := []string{"stored", "a2", "a2", "a2", "a3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := s.count("/token"); n != 2 {
		t.Errorf("%d exchanges", n)
	}
}

func TestAbortAndClose(t *testing.T) {
	s := newSite(t)
	s.hold = make(chan struct{})
	page := s.open("esm")
	got := eval[[]outcome](page, `
		store(stale);
		window.session = await onerefresh.open(options);
		const before = await outcome(session.getAccessToken({signal: AbortSignal.abort("why")}));
		const giveUp = new AbortController();
		const waiting = outcome(session.getAccessToken({signal: giveUp.signal}));
		window.patient = outcome(session.getAccessToken());
		giveUp.abort(new Error("enough"));
		return [before, await waiting];`)
	for i, cause := range []string{"why", "enough"} {
		if o := got[i]; !o.Typed || o.Code != "aborted" || o.Cause != cause {
			t.Errorf("got %s, want aborted because of %s", o, cause)
		}
	}
	eventually(t, "the exchange is under way", func() bool { return s.count("/token") == 1 })
	close(s.hold)
	if got := eval[outcome](page, `return patient`); got.Value != "a2" {
		t.Errorf("another caller got %s", got)
	}

	codes := eval[[]string](page, `
		store(stale);
		const closing = outcome(session.getAccessToken());
		session.close();
		session.close();
		const outcomes = [closing, outcome(session.getAccessToken()), outcome(session.getAccessToken({forceRefresh: true})),
			outcome(session.fetch("/api")), outcome(session.signIn({access_token: "a", expires_in: 1})), outcome(session.signOut())];
		return (await Promise.all(outcomes)).map((o) => o.code);`)
	if want := slices.Repeat([]string{"closed"}, 6); !slices.Equal(codes, want) {
		t.Errorf("got %q", codes)
	}
}

func TestCallbackOption(t *testing.T) {
	got := eval[[]any](newSite(t).open("esm"), `
		store(stale);
		let seen;
		const refresh = async (refreshToken, {signal}) => {
			seen = [refreshToken, signal instanceof AbortSignal];
			return {access_token: "mine", expires_in: 60, refresh_token: "r2"};
		};
		const session = await onerefresh.open({name: "s", refresh});
		return [await session.getAccessToken(), ...seen];`)
	if want := []any{"mine", "r1", true}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	ended := eval[outcome](newSite(t).open("esm"), `
		store(stale);
		const refresh = async () => { throw Object.assign(new Error("no"), {error: "invalid_grant", status: 400}) };
		return outcome((await onerefresh.open({name: "s", refresh})).getAccessToken());`)
	if !ended.Typed || ended.Code != "session_ended" {
		t.Errorf("got %s", ended)
	}
}

func TestFetch(t *testing.T) {
	const (
		get     = `session.fetch("/api")`
		invalid = `Bearer realm="error=x", error="invalid_token", error_description="expired"`
	)
	fresh := func(token string) bool { return token != "stored" }
	never := func(string) bool { return false }
	for name, test := range map[string]struct {
		call   string
		accept func(string) bool
		refuse string
		status float64
		seen   []string
	}{
		"accepted":         {get, nil, "", 200, []string{"GET Bearer stored"}},
		"refused":          {get, fresh, "", 200, []string{"GET Bearer stored", "GET Bearer a2"}},
		"invalid_token":    {get, fresh, invalid, 200, []string{"GET Bearer stored", "GET Bearer a2"}},
		"token syntax":     {get, fresh, `Bearer error=invalid_token`, 200, []string{"GET Bearer stored", "GET Bearer a2"}},
		"other scheme":     {get, fresh, `DPoP algs="ES256", Bearer realm="y"`, 200, []string{"GET Bearer stored", "GET Bearer a2"}},
		"scope":            {get, fresh, `Bearer error="insufficient_scope"`, 401, []string{"GET Bearer stored"}},
		"refused again":    {get, never, invalid, 401, []string{"GET Bearer stored", "GET Bearer a2"}},
		"text":             {`session.fetch("/api", {method: "POST", body: "hello"})`, fresh, "", 200, []string{"POST Bearer stored hello", "POST Bearer a2 hello"}},
		"request":          {`session.fetch(new Request("/api", {method: "PUT", body: "hello"}))`, fresh, "", 200, []string{"PUT Bearer stored hello", "PUT Bearer a2 hello"}},
		"own header":       {`session.fetch("/api", {headers: {Authorization: "Basic eA=="}})`, never, "", 401, []string{"GET Basic eA=="}},
		"URL":              {`session.fetch(new URL("/api", location.href))`, nil, "", 200, []string{"GET Bearer stored"}},
		"same URL, init":   {`session.fetch(new Request("/api"), {method: "DELETE"})`, nil, "", 200, []string{"DELETE Bearer stored"}},
		"form":             {`session.fetch("/api", {method: "POST", body: new URLSearchParams({a: "b"})})`, fresh, "", 200, []string{"POST Bearer stored a=b", "POST Bearer a2 a=b"}},
		"unsigned promise": {`session.fetch("/api", {signal: new AbortController().signal})`, fresh, "", 200, []string{"GET Bearer stored", "GET Bearer a2"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.accept, s.refuse = test.accept, test.refuse
			got := eval[outcome](s.open("esm"), `
				store(valid);
				const session = await onerefresh.open(options);
				return outcome(`+test.call+`.then((r) => r.status));`)
			if got.Value != test.status || !slices.Equal(s.seen, test.seen) {
				t.Errorf("got %s after %q, want %v after %q", got, s.seen, test.status, test.seen)
			}
		})
	}
}

// A stream can be read once. (The browser sends none over HTTP/1.1.)
func TestFetchSendsAStreamOnce(t *testing.T) {
	s := newSite(t)
	s.accept = func(string) bool { return false }
	secure := httptest.NewUnstartedServer(s.Config.Handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	secure.URL = alone(secure.URL)
	s.Server = secure
	page := s.open("esm")
	eval[any](page, `
		store(valid);
		const session = await onerefresh.open(options);
		for (const body of [new Blob(["once"]).stream(), "twice"]) {
			await session.fetch("/api", {method: "POST", body, duplex: "half"}).catch(() => {}); // Chromium fails where it would send a stream again
		}`)
	want := []string{"POST Bearer stored once", "POST Bearer stored twice", "POST Bearer a2 twice"}
	if !slices.Equal(s.seen, want) {
		t.Errorf("the API saw %q, want %q", s.seen, want)
	}
}

// The access token goes to the page's own origin, and to those that the
// options list.
func TestFetchKeepsTheTokenFromOthers(t *testing.T) {
	s, friend, stranger := newSite(t), newSite(t), newSite(t)
	page := s.open("esm")
	eval[any](page, `
		store(valid);
		const session = await onerefresh.open({...options, origins: ["`+friend.URL+`/path"]});
		await session.fetch("`+friend.URL+`/api");
		await session.fetch("`+stranger.URL+`/api");
		await session.fetch("data:,x");`)
	if want := []string{"GET Bearer stored"}; !slices.Equal(friend.seen, want) {
		t.Errorf("a listed origin saw %q", friend.seen)
	}
	if want := []string{"GET"}; !slices.Equal(stranger.seen, want) {
		t.Errorf("another origin saw %q", stranger.seen)
	}
}

// The browser leaves the token out when a request is redirected to another
// origin, even to a listed one. What such an origin answers says nothing of
// the token, which is not refreshed for it.
func TestFetchRedirected(t *testing.T) {
	for _, test := range []struct {
		method, location string // of the redirect; %s is another origin
		status           int
		seen, elsewhere  []string
		exchanges        int
	}{
		{"GET", "/api", 302, []string{"GET Bearer stored", "GET Bearer a2"}, nil, 1},
		{"GET", "%s/api", 302, nil, []string{"GET"}, 0},
		{"GET", "%s/api", 308, nil, []string{"GET"}, 0},
		{"POST", "%s/api", 307, nil, []string{"POST"}, 0},
		{"POST", "%s/api", 303, nil, []string{"GET"}, 0},
	} {
		for _, listed := range []string{"", "listed "} {
			t.Run(listed+test.method+" "+strconv.Itoa(test.status), func(t *testing.T) {
				s, other := newSite(t), newSite(t)
				never := func(string) bool { return false }
				s.accept, other.accept = never, never
				location := strings.Replace(test.location, "%s", other.URL, 1)
				s.handle = map[string]http.HandlerFunc{"/moved": func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", location)
					w.WriteHeader(test.status)
				}}
				if listed != "" {
					listed = other.URL
				}
				got := eval[int](s.open("esm"), `
					store(valid);
					const session = await onerefresh.open({...options, origins: [`+strconv.Quote(listed)+`].filter(Boolean)});
					return (await session.fetch("/moved", {method: "`+test.method+`"})).status;`)
				if got != 401 || !slices.Equal(s.seen, test.seen) || !slices.Equal(other.seen, test.elsewhere) {
					t.Errorf("got %d, the page's origin saw %q, the other %q", got, s.seen, other.seen)
				}
				if n := s.count("/token"); n != test.exchanges {
					t.Errorf("%d exchanges, want %d", n, test.exchanges)
				}
			})
		}
	}
}

func TestFetchAborted(t *testing.T) {
	s := newSite(t)
	got := eval[[]outcome](s.open("esm"), `
		store(stale);
		const session = await onerefresh.open(options);
		const giveUp = new AbortController();
		const waiting = outcome(session.fetch("/api", {signal: giveUp.signal}));
		giveUp.abort();
		return [await waiting, await outcome(session.fetch("/api", {signal: AbortSignal.abort()}))];`)
	for _, o := range got {
		if o.Name != "AbortError" {
			t.Errorf("got %s, want what fetch gives", o)
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("sent %q", s.seen)
	}
}

// To import the loader does nothing and throws nothing where there is no page,
// as on a server that renders one.
func TestImportOutsideOfAPage(t *testing.T) {
	const program = `
		const before = Object.getOwnPropertyNames(globalThis);
		const m = await import(process.argv[1]);
		const added = Object.getOwnPropertyNames(globalThis).filter((name) => !before.includes(name));
		const vm = await import("node:vm"), fs = await import("node:fs");
		const context = vm.createContext({EventTarget, Error});
		vm.runInContext(fs.readFileSync(process.argv[2], "utf8"), context);
		const error = await m.open({name: "s", refresh() {}}).catch((e) => e);
		console.log(JSON.stringify({added, exports: Object.keys(m).sort(), script: Object.keys(context.onerefresh).sort(), code: error.code}));`
	cmd := exec.Command(node(t), "--input-type=module", "-e", program, filepath.Join(dist, "index.js"), filepath.Join(dist, "onerefresh.js"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Added, Exports, Script []string
		Code                   string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	names := []string{"OneRefreshError", "open"}
	if len(got.Added) != 0 || !slices.Equal(got.Exports, names) || !slices.Equal(got.Script, names) || got.Code != "misconfigured" {
		t.Errorf("got %+v", got)
	}
}
