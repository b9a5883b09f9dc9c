//go:build !(js && wasm)

package npm_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Each token of these tests has this in it.
const secret = "xSECRETx"

// spy notes in window.seen all that leaves the page's hands, and that others
// could read: where, and what.
const spy = `
	window.seen = [];
	// All that can be had from a value, by whatever means.
	const everything = (value, known = new Set()) => {
		if (value === null || !["object", "function"].includes(typeof value)) return String(value);
		if (known.has(value)) return "";
		known.add(value);
		const parts = [];
		const part = (f) => { try { parts.push(f()) } catch {} };
		part(() => String(value));
		part(() => JSON.stringify(value));
		if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) part(() => new TextDecoder().decode(value));
		if (value instanceof Map || value instanceof Set) part(() => everything([...value], known));
		for (const key of Reflect.ownKeys(value)) part(() => String(key) + " " + everything(value[key], known));
		for (const key of ["name", "message", "stack", "cause", "code", "ended", "detail", "data", "reason"]) part(() => everything(value[key], known));
		return parts.join("\n");
	};
	window.see = (where, ...values) => seen.push([where, values.map((value) => everything(value)).join("\n")]);
	const tap = (where, object, method, pick = (args) => args) => {
		const original = object[method];
		object[method] = function (...args) {
			see(where, ...pick(args));
			return original.apply(this, args);
		};
	};
	for (const method of ["log", "info", "warn", "error", "debug", "trace", "table", "dir"]) tap("console", console, method);
	tap("BroadcastChannel", BroadcastChannel.prototype, "postMessage");
	tap("message", MessagePort.prototype, "postMessage");
	tap("message", window, "postMessage");
	tap("lock name", LockManager.prototype, "request", ([name]) => [name]);
	for (const method of ["put", "add"]) tap("IndexedDB", IDBObjectStore.prototype, method);
	tap("IndexedDB", IDBFactory.prototype, "open");
	tap("storage", Storage.prototype, "setItem", ([key, value]) => key.startsWith("onerefresh:") ? [key] : [key, value]);
	tap("history", history, "pushState");
	tap("history", history, "replaceState");
	addEventListener("error", (e) => see("error nobody caught", e.message, e.error));
	addEventListener("unhandledrejection", (e) => see("error nobody caught", e.reason));
	// What is there when all is over.
	window.lookAround = async () => {
		see("document", document.documentElement.outerHTML, document.title);
		see("location", location.href, document.referrer, window.name, history.state);
		see("cookie", document.cookie);
		see("storage", {...sessionStorage}, Object.keys(localStorage));
		for (const key of Object.keys(localStorage)) if (!key.startsWith("onerefresh:")) see("storage", localStorage[key]);
		see("request", performance.getEntries().map((entry) => entry.name));
		const {held, pending} = await navigator.locks.query();
		see("lock name", held, pending);
		for (const {name} of await indexedDB.databases()) {
			see("IndexedDB", name);
			const db = await new Promise((resolve, reject) => {
				const request = indexedDB.open(name);
				request.onsuccess = () => resolve(request.result);
				request.onerror = () => reject(request.error);
			});
			for (const store of db.objectStoreNames) {
				const request = db.transaction(store).objectStore(store).getAll();
				await new Promise((resolve) => request.onsuccess = resolve);
				see("IndexedDB", store, request.result);
			}
			db.close();
		}
		for (const name of await caches.keys()) see("cache", name);
		for (const key of Object.getOwnPropertyNames(window)) {
			if (!before.includes(key) && typeof window[key] !== "function" && !["stale", "valid"].includes(key)) see("window", key, window[key]);
		}
		return seen;
	};`

// scenarios is what happens in the page. Each has a session of its own.
const scenarios = `
	const tokens = (n) => ({access_token: SECRET + "access/" + n, refresh_token: SECRET + "refresh+" + n, id_token: SECRET + "id." + n, expires_in: 3600});
	const types = ["refreshed", "adopted", "signedin", "signedout", "refresherror"];
	const sessions = [];
	const join = async (name, more = {}) => {
		const session = await onerefresh.open({name, tokenEndpoint: "/leak/" + name, revocationEndpoint: "/leak/hang", clientId: "c", exchangeTimeout: 500, lockTimeout: 2000, ...more});
		for (const type of types) session.addEventListener(type, (e) => see("event", e.type, e.detail));
		sessions.push(session);
		return session;
	};
	const codes = new Set();
	const attempt = async (promise) => {
		try {
			return await promise;
		} catch (e) {
			codes.add(e.code);
			see("error", e);
		}
	};
	// The endpoint's answers, good and bad: twice, as a cooldown is an error of its own.
	const visit = async (name, more) => {
		const session = await join(name, more);
		await attempt(session.signIn(tokens(name)));
		await attempt(session.getAccessToken());
		await attempt(session.getAccessToken({forceRefresh: true}));
		await attempt(session.getAccessToken({forceRefresh: true}));
		await attempt(session.fetch("/api/refuses"));
		await attempt(session.signOut());
		await attempt(session.getAccessToken());
	};
	await Promise.all(kinds.map((name) => visit(name)));

	// A function of the page that puts tokens into all that it throws.
	const thrown = {
		error: (t) => { throw Object.assign(new Error("no answer to " + t, {cause: t}), {token: t, [t]: t}) },
		refusal: (t) => { throw {error: "invalid_grant", error_description: "unknown: " + encodeURIComponent(t), status: 400, token: t} },
		other: (t) => { throw {error: "about " + t, status: 400} },
		text: (t) => { throw t },
		junk: (t) => ({access_token: [t], refresh_token: {t}, expires_in: t, [t]: t}),
		getters: (t) => ({get access_token() { throw new Error(t) }, expires_in: 1}),
		none: () => undefined,
		never: () => new Promise(() => {}),
		good: () => tokens("mine"),
	};
	await Promise.all(Object.entries(thrown).map(([name, f]) => visit("throws " + name, {tokenEndpoint: undefined, refresh: async (t) => f(t)})));

	// What is stored cannot be read.
	for (const record of ['{"access_token":"' + SECRET, '"' + SECRET + '"', '{"v":2,"access_token":"' + SECRET + '"}',
		'{"v":1,"generation":"' + SECRET + '","access_token":"' + SECRET + '"}', '{"v":1,"access_token":["' + SECRET + '"]}']) {
		localStorage.setItem("onerefresh:corrupt", record);
		const session = await join("corrupt");
		await attempt(session.getAccessToken());
		await attempt(session.getAccessToken({forceRefresh: true}));
		await attempt(session.fetch("/api/refuses"));
		await attempt(session.signOut());
	}

	// A sign-in that breaks the contract.
	const session = await join("rotates");
	for (const broken of [SECRET, [SECRET], {access_token: SECRET}, {access_token: SECRET, expires_in: SECRET}, {...tokens(1), refresh_token: [SECRET]},
		{...tokens(1), scope: {SECRET}}, {...tokens(1), get [SECRET]() { throw new Error(SECRET) }}]) await attempt(session.signIn(broken));
	await attempt(onerefresh.open({name: "s", tokenEndpoint: "/token", clientId: "c", provider: "none"}));

	// Callers give up, storage is full, the session is closed.
	await attempt(session.signIn(tokens(1)));
	await attempt(session.getAccessToken({signal: AbortSignal.abort(), forceRefresh: true}));
	await attempt(session.getAccessToken({signal: AbortSignal.timeout(1), forceRefresh: true}));
	const setItem = Storage.prototype.setItem;
	Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") };
	await attempt(session.getAccessToken({forceRefresh: true}));
	await attempt(session.signOut());
	Storage.prototype.setItem = setItem;
	const last = await join("hang");
	await attempt(last.signIn(tokens(1)));
	const pending = attempt(last.getAccessToken({forceRefresh: true}));
	last.close();
	await pending;
	await attempt(last.getAccessToken());

	// The program dies.
	const doomed = await join("rotates");
	await attempt(doomed.signIn(tokens(1)));
	const caught = faults.length;
	window.trap = true;
	await attempt(doomed.getAccessToken({forceRefresh: true}));
	window.trap = false;
	faults.length = caught; // it may have been a callback that the program died of
	await attempt(doomed.getAccessToken({forceRefresh: true}));
	await new Promise((resolve) => setTimeout(resolve, 100)); // for the events
	return [...codes].sort();`

// leaky is the token endpoint for the scenarios: it repeats all that it was
// sent, as it was sent and decoded.
func leaky(done <-chan struct{}) map[string]http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	answer := func(status int, contentType string, body func(echo string, n int) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(sent)))
			echo := strings.ReplaceAll(string(sent), "&", " ") + " " + r.PostFormValue("refresh_token")
			mu.Lock()
			n++
			text := body(echo, n)
			mu.Unlock()
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, text)
		}
	}
	refuse := func(status int, code string) http.HandlerFunc {
		return answer(status, "application/json", func(echo string, _ int) string {
			text, _ := json.Marshal(map[string]string{"error": code, "error_description": "it was: " + echo})
			return string(text)
		})
	}
	text := func(status int, contentType, format string) http.HandlerFunc {
		return answer(status, contentType, func(echo string, n int) string {
			return strings.NewReplacer("ECHO", echo, "SECRET", secret, "N", fmt.Sprint(n)).Replace(format)
		})
	}
	return map[string]http.HandlerFunc{
		"rotates":        text(200, "application/json", `{"access_token":"SECRETaccess/N","refresh_token":"SECRETrefresh+N","id_token":"SECRETid.N","expires_in":3600,"other":"SECRET"}`),
		"invalid_grant":  refuse(400, "invalid_grant"),
		"invalid_client": refuse(401, "invalid_client"),
		"teapot":         refuse(418, "teapot"),
		"refused_200":    refuse(200, "bad_refresh_token"),
		"429":            refuse(429, "slow_down"),
		"503":            text(503, "text/html", `<p>ECHO`),
		"portal":         text(200, "text/html", `<p>ECHO`),
		"truncated":      text(200, "application/json", `{"refresh_token":"SECRETrefresh+N","access_token":"SECRET`),
		"no_access":      text(200, "application/json", `{"refresh_token":"SECRETrefresh+N","expires_in":3600}`),
		"wrong_types":    text(200, "application/json", `{"access_token":{"a":"SECRET"},"refresh_token":["SECRET"],"expires_in":"SECRET","SECRET":"SECRET"}`),
		"text_lifetime":  text(200, "application/json", `{"access_token":"SECRETaccess/N","refresh_token":"SECRETrefresh+N","expires_in":"SECRET"}`),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/leak/rotates", http.StatusTemporaryRedirect)
		},
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"hang":  func(http.ResponseWriter, *http.Request) { <-done },
	}
}

// A searched page is one whose doings are noted.
type searched struct {
	tab
	*site

	mu   sync.Mutex
	seen [][2]string
}

func newSearched(t *testing.T, prelude ...string) *searched {
	s := newSite(t)
	p := &searched{site: s}
	s.prelude = strings.Join(prelude, "\n") + spy + trap + fmt.Sprintf("\nwindow.SECRET = %q;", secret)
	s.accept = func(string) bool { return false }
	s.handle = make(map[string]http.HandlerFunc)
	var kinds []string
	for kind, handle := range leaky(s.done) {
		kinds = append(kinds, kind)
		s.handle["/leak/"+kind] = handle
	}
	s.handle["/api/refuses"] = s.api
	list, _ := json.Marshal(kinds)
	s.prelude += fmt.Sprintf("\nwindow.kinds = %s;", list)
	serve := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.see("request", r.URL.String(), r.Referer(), r.Header.Get("Cookie"))
		serve.ServeHTTP(w, r)
	})
	p.tab = s.open("esm")
	if err := chromedp.Listen(p.tab, func(event any) {
		switch event.(type) {
		case *runtime.EventConsoleAPICalled, *runtime.EventExceptionThrown, *cdplog.EventEntryAdded,
			runtime.EventConsoleAPICalled, runtime.EventExceptionThrown, cdplog.EventEntryAdded:
			text, _ := json.Marshal(event)
			p.see("console as the browser shows it", string(text))
		}
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *searched) see(where string, what ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, [2]string{where, strings.Join(what, " ")})
}

// search returns where something was seen at all, and where a token was.
func (p *searched) search() (seen, leaks map[string]string) {
	p.site.t.Helper()
	inPage := eval[[][2]string](p.tab, `delete window.SECRET; return lookAround()`)
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, leaks = make(map[string]string), make(map[string]string)
	for _, s := range append(inPage, p.seen...) {
		where, what := s[0], s[1]
		seen[where] = what
		if i := strings.Index(what, secret); i >= 0 {
			leaks[where] = what[max(0, i-300):min(len(what), i+100)]
		}
	}
	return seen, leaks
}

// No token is anywhere but in the session's own record, in the requests that
// present it, and in the hands of who asked for it.
func TestNoTokenIsSeen(t *testing.T) {
	p := newSearched(t)
	codes := eval[[]string](p.tab, scenarios)
	t.Logf("the errors had the codes %q", codes)
	for _, code := range []string{"aborted", "closed", "internal", "invalid_options", "misconfigured", "session_ended", "signed_out", "temporarily_unavailable"} {
		if !slices.Contains(codes, code) {
			t.Errorf("no error was %s", code)
		}
	}
	seen, leaks := p.search()
	for where, what := range leaks {
		t.Errorf("%s: %s", where, what)
	}
	for _, where := range []string{"error", "event", "lock name", "IndexedDB", "storage", "request"} {
		if seen[where] == "" {
			t.Errorf("nothing was seen: %s", where)
		}
	}
}

// The search finds a leak, wherever that is.
func TestLeakIsFound(t *testing.T) {
	p := newSearched(t)
	leaks := map[string]string{
		"console":          `console.warn("refreshed", {token: SECRET})`,
		"BroadcastChannel": `new BroadcastChannel("x").postMessage({deep: new Map([["a", [SECRET]]])})`,
		"message":          `new MessageChannel().port1.postMessage(new TextEncoder().encode(SECRET))`,
		"lock name":        `await navigator.locks.request("s:" + SECRET, () => {})`,
		"IndexedDB": `await new Promise((resolve) => {
			const open = indexedDB.open("leak");
			open.onupgradeneeded = () => open.result.createObjectStore("s").put({a: SECRET}, "k");
			open.onsuccess = () => { open.result.close(); resolve() };
		})`,
		"storage":             `sessionStorage.setItem("mine", SECRET)`,
		"request":             `await fetch("/api?access_token=" + SECRET)`,
		"document":            `document.title = "Signed in with " + SECRET`,
		"location":            `window.name = SECRET`,
		"cookie":              `document.cookie = "t=" + SECRET`,
		"history":             `history.replaceState({t: SECRET}, "")`,
		"window":              `window.lastToken = {token: SECRET}`,
		"error":               `see("error", new Error("no", {cause: Object.defineProperty(new Error("deep"), "hidden", {value: SECRET})}))`,
		"event":               `see("event", new CustomEvent("refreshed", {detail: {token: SECRET}}))`,
		"error nobody caught": `dispatchEvent(new PromiseRejectionEvent("unhandledrejection", {promise: Promise.resolve(), reason: SECRET}))`,
	}
	for _, leak := range leaks {
		eval[any](p.tab, leak)
	}
	eval[any](p.tab, `faults.length = 0`)
	_, found := p.search()
	for where := range leaks {
		if found[where] == "" {
			t.Errorf("not found: %s", where)
		}
	}
	if found["console as the browser shows it"] == "" {
		t.Error("not found in the browser's console")
	}
}
