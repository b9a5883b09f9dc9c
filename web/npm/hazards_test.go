//go:build !(js && wasm)

package npm_test

import "testing"

// Ways in which a Go program ends in a page, other than by returning, and the
// tests that see the module of either compiler survive them, or the loader
// survive the module:
//
//   - what the page throws, read or called from a goroutine: TestProgramOutlivesWhatThrows
//   - a panic, a trap: TestPanic, TestDeadModule
//   - JavaScript values that are never let go of: TestMemoryIsBounded of e2e
//   - recursion: TestProgramOutlivesWhatThrows with deep values, TestStacksHaveRoom
//   - a policy against WebAssembly: TestContentSecurityPolicyWithoutWebAssembly

// throwers are what a page may have in place of what it should have. What they
// are given is put back by restore.
const throwers = `
	window.no = () => { throw new DOMException("no", "SecurityError") };
	window.getters = (object, ...names) => {
		for (const name of names) Object.defineProperty(object, name, {get: no, configurable: true, enumerable: true});
		return object;
	};
	window.hostile = new Proxy(() => {}, Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((trap) => [trap, no])));
	window.revoked = Proxy.revocable({}, {});
	revoked.revoke();
	window.deep = (depth) => {
		let value = [];
		for (let i = 0; i < depth; i++) value = [value];
		return value;
	};
	const changed = [];
	window.change = (object, name, descriptor) => {
		changed.push([object, name, Object.getOwnPropertyDescriptor(object, name)]);
		Object.defineProperty(object, name, {...descriptor, configurable: true});
	};
	window.restore = () => {
		for (const [object, name, descriptor] of changed.splice(0).reverse()) {
			delete object[name];
			if (descriptor) Object.defineProperty(object, name, descriptor);
		}
	};
	window.programs = 0;
	const instantiate = WebAssembly.instantiate;
	WebAssembly.instantiate = (...args) => (programs++, instantiate.apply(WebAssembly, args));`

func TestProgramOutlivesWhatThrows(t *testing.T) {
	// They are run while a session of this page wants another token, by its
	// function refresh or from its token endpoint, and another one is opened.
	for name, script := range map[string]string{
		"window.localStorage":        `change(window, "localStorage", {get: no})`,
		"window.indexedDB":           `change(window, "indexedDB", {get: no})`,
		"navigator.locks":            `change(navigator, "locks", {get: no})`,
		"Storage.getItem":            `change(Storage.prototype, "getItem", {value: no})`,
		"Storage.setItem":            `change(Storage.prototype, "setItem", {value: no})`,
		"a getter of Storage":        `change(Storage.prototype, "setItem", {get: no})`,
		"LockManager.request":        `change(LockManager.prototype, "request", {value: no})`,
		"LockManager.query":          `change(LockManager.prototype, "query", {value: no})`,
		"IDBFactory.open":            `change(IDBFactory.prototype, "open", {value: no})`,
		"IDBDatabase.transaction":    `change(IDBDatabase.prototype, "transaction", {value: no})`,
		"IDBRequest.result":          `change(IDBRequest.prototype, "result", {get: no})`,
		"dispatchEvent":              `change(window, "dispatchEvent", {value: no})`,
		"fetch":                      `change(window, "fetch", {value: no})`,
		"fetch, a getter":            `change(window, "fetch", {get: no})`,
		"fetch, hostile":             `change(window, "fetch", {value: () => hostile})`,
		"fetch, no response":         `change(window, "fetch", {value: async () => 1n})`,
		"a response's getters":       `change(window, "fetch", {value: async () => getters({}, "status", "headers", "text")})`,
		"a response's status":        `change(window, "fetch", {value: async () => ({status: 200n, headers: new Headers, text: async () => Symbol()})})`,
		"a response's text":          `change(window, "fetch", {value: async () => ({status: 200, headers: new Headers, text: no})})`,
		"a response, deep":           `change(window, "fetch", {value: async () => new Response('{"access_token": "a", "expires_in": 9, "deep": ' + "[".repeat(1e6) + "]".repeat(1e6) + "}")})`,
		"refresh throws":             `window.answer = no`,
		"refresh throws a bigint":    `window.answer = () => { throw 1n }`,
		"refresh throws a symbol":    `window.answer = () => { throw Symbol() }`,
		"refresh throws nothing":     `window.answer = () => { throw undefined }`,
		"refresh throws getters":     `window.answer = () => { throw getters({}, "name", "message", "error", "status", "toString") }`,
		"refresh throws a proxy":     `window.answer = () => { throw hostile }`,
		"refresh throws a revoked":   `window.answer = () => { throw revoked.proxy }`,
		"refresh throws a deep one":  `window.answer = () => { throw Object.assign(new Error("no"), {error: deep(1e5)}) }`,
		"refresh returns a bigint":   `window.answer = () => 1n`,
		"refresh returns bigints":    `window.answer = () => ({access_token: 1n, expires_in: 2n})`,
		"refresh returns a symbol":   `window.answer = () => Symbol()`,
		"refresh returns getters":    `window.answer = () => getters({}, "access_token", "expires_in", "then")`,
		"refresh returns a proxy":    `window.answer = () => hostile`,
		"refresh returns a revoked":  `window.answer = () => revoked.proxy`,
		"refresh returns a deep one": `window.answer = () => ({access_token: "a", expires_in: 9, deep: deep(1e5)})`,
		"refresh overflows":          `window.answer = () => answer()`,
		"a record, deep":             `localStorage["onerefresh:mine"] = localStorage["onerefresh:theirs"] = "[".repeat(1e6)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.prelude = throwers
			page := s.open("script")
			got := eval[[]outcome](page, `
				const wait = {exchangeTimeout: 2000, lockTimeout: 2000};
				let n = 0;
				const refresh = (refreshToken, {signal}) => window.answer ? answer() : {access_token: "a" + ++n, refresh_token: "r" + n, expires_in: 3600};
				const mine = await onerefresh.open({name: "mine", refresh, ...wait}), theirs = await onerefresh.open({name: "theirs", tokenEndpoint: "/token", clientId: "c", ...wait});
				await Promise.all([mine.signIn(valid), theirs.signIn(valid)].map(outcome)); // from here on there is a program
				await mine.signIn({access_token: "one", refresh_token: "r1", expires_in: 3600});
				await theirs.signIn({access_token: "one", refresh_token: "r1", expires_in: 3600});
				`+script+`;
				const got = await Promise.all([
					outcome(mine.getAccessToken({forceRefresh: true})),
					outcome(theirs.getAccessToken({forceRefresh: true})),
					outcome(onerefresh.open({name: "new", refresh, ...wait}).then((session) => session.signIn({access_token: "new", expires_in: 3600}))),
				]);
				restore();
				delete window.answer;
				await mine.signIn({access_token: "two", refresh_token: "r2", expires_in: 3600});
				return [...got, await outcome(mine.getAccessToken({forceRefresh: true})), {value: programs}];`)
			for _, o := range got[:3] {
				if o.Name != "" && (!o.Typed || o.Code == "internal") {
					t.Errorf("got %s", o)
				}
			}
			if o := got[3]; o.Name != "" {
				t.Errorf("when all is well again: %s", o)
			}
			if n := got[4].Value; n != 1.0 {
				t.Errorf("there were %v programs", n)
			}
		})
	}
}
