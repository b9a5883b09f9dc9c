//go:build !(js && wasm)

package npm_test

import (
	"fmt"
	"testing"
)

// While another page is ahead, a call gives way for a moment: it is answered
// by what storage shows, or else goes on when the moment is over.
func TestGivesWay(t *testing.T) {
	for _, test := range []struct {
		name, then, want string
		exchanges        int // of the session that gives way; the other has one
	}{
		{"until a token shows", `
			store({...valid, generation: 2, access_token: "a peer's"});
			dispatchEvent(new StorageEvent("storage", {key: "onerefresh:s"}));`, "a peer's", 0},
		{"for a moment", `for (const over of moments) over();`, "a3", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			page := s.open("esm")
			eval[any](page, `
				const { setTimeout } = window;
				window.moments = [];
				window.setTimeout = (f, ms, ...args) => ms === 250 ? void moments.push(f) : setTimeout(f, ms, ...args);
				await new Promise((held) => navigator.locks.request("onerefresh/onerefresh:s/turn", () => new Promise(held)));
				store({...stale, refresh_token: "r2"});
				store(stale, "onerefresh:other");
				const [session, other] = await Promise.all(["s", "other"].map((name) => onerefresh.open({...options, name})));
				window.answer = outcome(session.getAccessToken());
				window.other = other.getAccessToken()`)
			if got := eval[string](page, `return other`); got != "a2" {
				t.Errorf("a session that nobody is ahead of gets %q", got)
			}
			if n := s.count("/token"); n != 1 {
				t.Errorf("%d exchanges before the moment is over, want that of the other session", n)
			}
			if got := eval[outcome](page, test.then+` return answer`); got.Value != test.want {
				t.Errorf("got %s, want %q", got, test.want)
			}
			if n := s.count("/token") - 1; n != test.exchanges {
				t.Errorf("%d exchanges, want %d", n, test.exchanges)
			}
		})
	}
}

// What tells who is ahead may fail or be silent: it is not what decides.
func TestTurnThatCannotBeHad(t *testing.T) {
	for _, request := range []string{
		`() => { throw new Error("no") }`,
		`() => Promise.reject(new Error("no"))`,
		`() => new Promise(() => {})`,
	} {
		s := newSite(t)
		got := eval[outcome](s.open("esm"), `
			store(stale);
			const { request } = LockManager.prototype;
			LockManager.prototype.request = function (name, ...rest) {
				return name.endsWith("/turn") ? (`+request+`)() : request.call(this, name, ...rest);
			};
			return outcome(onerefresh.open(options).then((s) => s.getAccessToken()));`)
		if got.Value != "a2" {
			t.Errorf("%s: got %s", request, got)
		}
	}
}

// A page that was left neither keeps a turn nor begins one.
func TestTurnEndsWhenThePageIsLeft(t *testing.T) {
	s := newSite(t)
	got := eval[[]any](s.open("esm"), `
		const { setTimeout } = window;
		let still = true; // time
		window.setTimeout = (f, ms, ...args) => still && (ms === 250 || ms === 30) ? 0 : setTimeout(f, ms, ...args);
		const turns = async () => {
			const { held, pending } = await navigator.locks.query();
			return [...held, ...pending].filter(({ name }) => name.endsWith("/turn")).length;
		};
		store(stale);
		const session = await onerefresh.open(options);
		const asked = session.getAccessToken();
		while (await turns() === 0) ;
		dispatchEvent(new PageTransitionEvent("pagehide"));
		while (await turns() > 0) ;
		dispatchEvent(new PageTransitionEvent("pageshow"));
		const tokens = [await asked];
		dispatchEvent(new PageTransitionEvent("pagehide"));
		still = false;
		const again = session.getAccessToken({forceRefresh: true});
		const begun = await turns();
		dispatchEvent(new PageTransitionEvent("pageshow"));
		tokens.push(await again);
		still = true;
		tokens.push(await session.getAccessToken({forceRefresh: true}));
		return [...tokens, begun, await turns()];`)
	if fmt.Sprint(got) != "[a2 a3 a4 0 1]" {
		t.Errorf("got tokens, turns that a page began which was left, and one that was back: %v", got)
	}
}
