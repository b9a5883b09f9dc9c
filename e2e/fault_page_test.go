//go:build !(js && wasm)

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// Ways to be without Web Locks although the page asks for them.
var lockless = map[string]string{
	"missing":   `Object.defineProperty(Navigator.prototype, "locks", { get: () => undefined })`,
	"rejecting": `LockManager.prototype.request = LockManager.prototype.query = async () => { throw new DOMException("not here", "SecurityError") }`,
}

// Without locks a tab waits for its peer's outcome, as far as that is on
// record, and for no longer than an exchange may take.
func TestWebLocksUnusable(t *testing.T) {
	t.Parallel()
	for how, script := range lockless {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			v := altered(t, 3, script, "{}")
			v.grant = v.signInFor(v.tabs[0], "alice", 0)
			v.allSignedIn()
			v.all(v.each("tab.ready.then((session) => session.coordination)"), "tab")
			request := v.hold(beforeAnswer)
			for _, tab := range v.tabs {
				v.begin(tab)
			}
			v.arrivedAt(request)
			request.release()
			for _, tab := range v.tabs {
				v.mustGetToken(v.end(tab, 5*time.Second))
			}
			v.mustHaveSeen(rotated)
		})
	}
}

// Its attempt counts for as long as an exchange may take, 2 s here, and 2 s
// for clocks that differ.
func TestHolderGoneInFlightWithoutWebLocks(t *testing.T) {
	t.Parallel()
	for how, leave := range dying {
		for period, want := range map[time.Duration]authserver.Outcome{time.Minute: grace, 0: reuse} {
			t.Run(fmt.Sprintf("%s, %s", how, want), func(t *testing.T) {
				t.Parallel()
				v := altered(t, 2, lockless["missing"], "{exchangeTimeout: 2000}")
				v.grant = v.signInFor(v.tabs[0], "alice", 0)
				v.allSignedIn()
				v.configure(authserver.Settings{GracePeriod: period})
				request := v.hold(beforeAnswer)
				v.begin(v.tabs[0])
				v.arrivedAt(request)
				v.begin(v.tabs[1])
				v.leaves(leave)
				request.release()
				got := v.end(v.tabs[0], 7*time.Second)
				if want == grace {
					v.mustGetToken(got)
				} else {
					v.mustHaveLostAnswer(got)
				}
				v.mustHaveSeen(rotated, want)
				// The clocks of both tabs are the same, and the attempt is as old as its request, or older.
				if p := v.ledger().Presentations; len(p) == 2 {
					if waited := p[1].Arrived.Sub(p[0].Arrived); waited < 3*time.Second {
						t.Errorf("the peer waited for %v", waited)
					}
				}
			})
		}
	}
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	v := &visit{stage: newFaultStage(t)}
	v.tabs = []*page{v.load(), v.load()}
	for _, name := range []string{"-", "-leading", " ", "a/b:c", "onerefresh:visit", "ünïcødé 🗝", "\u0000\n", `"'\`, "__proto__", fmt.Sprintf("%2000d", 1)} {
		text, _ := json.Marshal(name)
		for _, tab := range v.tabs {
			eval[any](tab, fmt.Sprintf("join({ name: %s }).then(() => null)", text))
		}
		v.grant = v.signInFor(v.tabs[0], "alice", 0)
		v.allSignedIn()
		for _, tab := range v.tabs {
			v.begin(tab)
		}
		for _, tab := range v.tabs {
			v.mustGetToken(v.end(tab, 3*time.Second))
		}
		v.mustHaveSeen(rotated)
	}
}

// A name that has no UTF-8 is one name for the loader and another for Go.
func TestNameThatIsNotWellFormed(t *testing.T) {
	t.Parallel()
	v := &visit{stage: newFaultStage(t)}
	v.tabs = []*page{v.load()}
	got := eval[string](v.tabs[0], `join({ name: "\ud800" }).then(() => "opened", ({ code }) => code)`)
	if got != "invalid_options" {
		t.Errorf("got %s", got)
	}
}

// One session's exchange does not keep another's callers waiting.
func TestTwoSessionsInOnePage(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(1, "{exchangeTimeout: 100000}")
	tab, first := v.tabs[0], v.grant
	request := v.hold(beforeAnswer)
	v.begin(tab)
	v.arrivedAt(request)
	response := v.auth.OpenGrant("bob", 0)
	text, _ := json.Marshal(response)
	eval[any](tab, fmt.Sprintf(`(async () => {
		window.first = tab.ready;
		window.other = await join({ name: "other" });
		tab.ready = first;
		await other.signIn(%s);
	})()`, text))
	v.grant = response.Grant
	v.mustGetToken(eval[answer](tab, "ask({}, other)")) // while the first one waits
	v.mustHaveSeen(rotated)
	v.grant = first
	request.release()
	v.mustGetToken(v.end(tab, time.Second))
	v.mustHaveSeen(rotated)
}

func TestTheSameSessionTwiceInOnePage(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(1, "{}")
	tab := v.tabs[0]
	got := eval[[]answer](tab, `(async () => {
		const sessions = [await tab.ready, await join(), await join()];
		return Promise.all(sessions.flatMap((session) => [ask({}, session), ask({}, session)]));
	})()`)
	for _, a := range got {
		v.mustGetToken(a)
		if a.Token != got[0].Token {
			t.Error("got different tokens")
		}
	}
	v.mustHaveSeen(rotated)
	// To close one leaves the others alone.
	v.mustFail(eval[answer](tab, "tab.ready.then((session) => (session.close(), ask()))"), "closed")
	v.mustGetToken(eval[answer](tab, "join().then((session) => ask({ forceRefresh: true }, session))"))
	v.mustHaveSeen(rotated, rotated)
}

func TestTenThousandCallers(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(2, "{}")
	request := v.hold(beforeAnswer)
	v.begin(v.tabs[1])
	v.arrivedAt(request)
	eval[any](v.tabs[0], `(window.all = Promise.all(Array.from({ length: 10000 }, () => ask())), null)`)
	request.release()
	got := eval[map[string]int](v.tabs[0], `all.then((all) => ({
		tokens: new Set(all.map(({ token }) => token)).size, callers: all.filter(({ token }) => token).length,
		ms: Math.round(Math.max(...all.map(({ ms }) => ms))) }))`)
	if got["callers"] != 10000 || got["tokens"] != 1 || time.Duration(got["ms"])*time.Millisecond > slack {
		t.Errorf("10,000 callers: %v", got)
	}
	t.Log(got)
	v.mustGetToken(v.end(v.tabs[1], 5*time.Second))
	v.mustHaveSeen(rotated)
}

// Whoever gives up gets its error, and hurts nobody else.
func TestCallersAbortAtRandom(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(2, "{}")
	request := v.hold(beforeAnswer)
	count := func(callers string) map[string]int {
		return eval[map[string]int](v.tabs[0], fmt.Sprintf(`Promise.all(%s).then((all) => {
			const got = all.map(({ token, code }) => token ? "token" : code);
			return Object.fromEntries([...new Set(got)].map((kind) => [kind, got.filter((k) => k === kind).length]));
		})`, callers))
	}
	eval[any](v.tabs[0], `(window.stayed = Array.from({ length: 500 }, (_, i) => ask({ forceRefresh: i % 3 === 0 })), null)`)
	quitters := count(`Array.from({ length: 500 }, (_, i) => {
		const controller = new AbortController();
		setTimeout(() => controller.abort(), Math.random() * 250);
		return ask({ signal: controller.signal, forceRefresh: i % 3 === 0 });
	})`)
	if quitters["aborted"] != 500 {
		t.Errorf("who gave up got %v", quitters)
	}
	v.arrivedAt(request)
	request.release()
	if stayed := count("stayed"); stayed["token"] != 500 {
		t.Errorf("who stayed got %v", stayed)
	}
	v.mustGetToken(v.ask(v.tabs[1], 3*time.Second))
	v.mustHaveSeen(rotated)
	// All give up: the answer is stored all the same.
	old := v.token(v.tabs[0])
	request = v.hold(beforeAnswer)
	eval[any](v.tabs[1], `(window.controller = new AbortController(), window.asked = ask({ signal: controller.signal, forceRefresh: true }), null)`)
	v.arrivedAt(request)
	eval[any](v.tabs[1], `(controller.abort(), null)`)
	v.mustFail(v.end(v.tabs[1], slack), "aborted")
	request.release()
	v.eventually(func() bool { return v.token(v.tabs[0]) != old })
	v.mustGetToken(v.ask(v.tabs[0], 3*time.Second))
	v.mustHaveSeen(rotated, rotated)
}

// Callers of a closed session do not wait, and the answer that is under way is
// not lost.
func TestCloseInFlight(t *testing.T) {
	t.Parallel()
	v, release := inFlight(t, 2)
	holder, peer := v.tabs[0], v.tabs[1]
	eval[any](holder, "tab.ready.then((session) => (session.close(), null))")
	v.mustFail(v.end(holder, 2*time.Second), "closed")
	v.mustFail(v.ask(holder, time.Second), "closed")
	release()
	v.mustGetToken(v.ask(peer, 5*time.Second))
	v.mustHaveSeen(rotated)
}

// untilKept goes through a scenario until the browser has kept the page that is
// left in it. It need not: a renderer that is slow to freeze is given up. But no
// lock of ours may be why.
func untilKept(t *testing.T, scenario func(v *visit) (notKept string)) {
	t.Helper()
	why := ""
	for range 5 {
		if why = scenario(newFaultStage(t).stale(2, "{}")); why == "" {
			return
		}
		if strings.Contains(why, "weblocks") {
			break
		}
	}
	t.Errorf("the browser did not keep the page: %s", why)
}

const noneWaits = "navigator.locks.query().then(({ pending }) => pending.length === 0)"

// leave navigates elsewhere. What it returns comes back, and says why the page was
// not kept in the back/forward cache, or "" if it was.
func (v *visit) leave(away *page) (back func() (notKept string)) {
	v.Helper()
	eval[any](away, `(addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted)), null)`)
	document := eval[float64](away, "performance.timeOrigin")
	if err := chromedp.Do(away.ctx, chromedp.Navigate(v.url+"/blank")); err != nil {
		v.Fatal(err)
	}
	return func() string {
		v.Helper()
		eval[any](away, "(history.back(), null)")
		away.wait(fmt.Sprintf(`location.pathname === "/page" && document.readyState === "complete" &&
			(window.persisted === true || performance.timeOrigin !== %f)`, document))
		return eval[string](away, `window.persisted ? "" : JSON.stringify(performance.getEntriesByType("navigation")[0].notRestoredReasons) ?? "unknown"`)
	}
}

// A page is kept in the back/forward cache while another one refreshes, and
// uses the new token when it is back, as soon as the browser has brought it to
// the page's process. That may take until after the other page has its answer,
// as it does between tabs that are not left.
func TestBackForwardCache(t *testing.T) {
	t.Parallel()
	untilKept(t, func(v *visit) string {
		away, peer := v.tabs[0], v.tabs[1]
		v.mustGetToken(v.ask(away, 3*time.Second))
		v.auth.Expire(v.grant)
		// A page that holds a lock is not kept. The mark of the write is held for 2 s.
		peer.wait("navigator.locks.query().then(({ held }) => held.length === 0)")
		back := v.leave(away)
		refreshed := eval[answer](peer, "ask({ forceRefresh: true })")
		v.mustGetToken(refreshed)
		v.mustHaveSeen(rotated, rotated)
		if why := back(); why != "" {
			return why
		}
		away.wait(fmt.Sprintf(`localStorage["onerefresh:visit"].includes(%q)`, refreshed.Token))
		if got := v.ask(away, 3*time.Second); got.Token != refreshed.Token {
			t.Errorf("got %v, and not the other page's token", got)
		}
		v.mustHaveSeen(rotated, rotated)
		v.mustGetToken(eval[answer](away, "ask({ forceRefresh: true })"))
		v.mustGetToken(v.ask(peer, 3*time.Second))
		v.mustHaveSeen(rotated, rotated, rotated)
		return ""
	})
}

// A page that waits for the lock is left, and is back when the token is there.
func TestBackForwardCacheWhileWaiting(t *testing.T) {
	t.Parallel()
	untilKept(t, func(v *visit) string {
		holder, away := v.tabs[0], v.tabs[1]
		request := v.hold(beforeAnswer)
		v.begin(holder)
		v.arrivedAt(request)
		v.begin(away)
		v.queued(away)
		back := v.leave(away)
		holder.wait(noneWaits)
		request.release()
		v.mustGetToken(v.end(holder, 3*time.Second))
		if why := back(); why != "" {
			return why
		}
		v.mustGetToken(v.end(away, 5*time.Second))
		v.mustHaveSeen(rotated)
		return ""
	})
}

// The same of a page that waits for its turn to begin, which is over soon.
func TestBackForwardCacheWhileWaitingForATurn(t *testing.T) {
	t.Parallel()
	untilKept(t, func(v *visit) string {
		ahead, away := v.tabs[0], v.tabs[1]
		// The moment is longer, so that the page is left within it.
		eval[any](away, `(window.now = setTimeout, window.setTimeout = (f, ms, ...args) => now(f, ms === 250 ? 3000 : ms, ...args), null)`)
		eval[any](ahead, `(navigator.locks.request("onerefresh/onerefresh:visit/turn", () => new Promise((end) => (window.endTurn = end))), null)`)
		v.begin(away)
		if !eval[bool](away, `navigator.locks.query().then(({ pending }) => pending.some(({ name }) => name === "onerefresh/onerefresh:visit/turn"))`) {
			return "it does not wait for its turn"
		}
		back := v.leave(away)
		ahead.wait(noneWaits)
		eval[any](ahead, "(endTurn(), null)")
		v.mustGetToken(v.ask(ahead, 3*time.Second))
		if why := back(); why != "" {
			return why
		}
		v.mustGetToken(v.end(away, 5*time.Second))
		v.mustHaveSeen(rotated)
		return ""
	})
}

// A page is left while its own exchange is in flight. The browser keeps it; a
// peer that wants its lock gets that, and finds its attempt on record.
func TestBackForwardCacheInFlight(t *testing.T) {
	t.Parallel()
	for name, wanted := range map[string]bool{"the lock is wanted": true, "nobody wants the lock": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			untilKept(t, func(v *visit) string {
				v.configure(authserver.Settings{GracePeriod: time.Minute})
				away, peer := v.tabs[0], v.tabs[1]
				request := v.hold(beforeAnswer)
				v.begin(away)
				v.arrivedAt(request)
				back := v.leave(away)
				outcomes := []authserver.Outcome{rotated}
				if wanted {
					v.mustGetToken(v.ask(peer, afterDeath))
					outcomes = append(outcomes, grace)
				}
				request.release()
				if why := back(); why != "" {
					return why
				}
				v.mustGetToken(v.end(away, 5*time.Second))
				v.mustGetToken(v.ask(peer, 5*time.Second))
				v.mustHaveSeen(outcomes...)
				for _, tab := range v.tabs {
					if n := eval[int](tab, `saw("signedout")`); n > 0 {
						t.Error("signed out")
					}
				}
				return ""
			})
		})
	}
}

// WebKit delivers storage events to the tab that wrote, too:
// https://bugs.webkit.org/show_bug.cgi?id=210512.
func TestStorageEventsInTheWritingTab(t *testing.T) {
	t.Parallel()
	v := altered(t, 2, `{
		const { setItem } = Storage.prototype;
		Storage.prototype.setItem = function (key, newValue) {
			const event = new StorageEvent("storage", { key, newValue, oldValue: this.getItem(key), storageArea: this, url: location.href });
			setItem.call(this, key, newValue);
			dispatchEvent(event);
			setTimeout(() => dispatchEvent(event), 5);
		};
	}`, "{}")
	v.grant = v.signInFor(v.tabs[0], "alice", 0)
	for _, tab := range v.tabs {
		tab.wait(`saw("signedin") === 1`) // what a tab hears of together with the sign-in is no other event there
	}
	for _, tab := range v.tabs {
		v.begin(tab)
	}
	for _, tab := range v.tabs {
		v.mustGetToken(v.end(tab, 3*time.Second))
	}
	v.mustHaveSeen(rotated)
	for _, tab := range v.tabs {
		tab.wait(`saw("refreshed") + saw("adopted") === 1`)
	}
	if n := eval[int](v.tabs[0], `saw("refreshed")`) + eval[int](v.tabs[1], `saw("refreshed")`); n != 1 {
		t.Errorf("%d tabs say that they refreshed", n)
	}
}

// A page that is prerendered shows what it can with the stored token. Locks wait
// until the user comes to it, and with them the refresh. DevTools would keep the
// page from being prerendered, so it is another tab that tells what happens.
func TestPrerendered(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(1, "{}")
	tab := v.tabs[0]
	valid := v.ask(tab, 3*time.Second)
	v.mustGetToken(valid)
	eval[any](tab, `(open("/prerendering", "", "noopener"), null)`)
	t.Cleanup(func() { eval[any](tab, `(localStorage.step = "close", null)`) })
	tab.wait("localStorage.prerendered")
	if got := eval[string](tab, "localStorage.prerendered"); got != "true "+valid.Token {
		t.Errorf("got %s, want the stored token while prerendering", got)
	}
	<-time.After(2 * time.Second) // longer than anyone is to wait for a lock
	if got := eval[string](tab, "localStorage.shown ?? ''"); got != "" {
		t.Errorf("a forced refresh got %q while prerendering", got)
	}
	v.mustHaveSeen(rotated)
	eval[any](tab, `(localStorage.step = "/prerendered", null)`)
	tab.wait("localStorage.shown")
	if got := eval[string](tab, "localStorage.shown"); got == valid.Token || v.user(got) != "alice" {
		t.Errorf("got %q when the page was shown, want another token", got)
	}
	v.mustHaveSeen(rotated, rotated)
}
