//go:build !(js && wasm)

package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// inFlight begins an exchange in the first tab, and returns when the server has
// rotated. It answers when release is called.
func inFlight(t *testing.T, n int) (v *visit, release func()) {
	t.Helper()
	v = newFaultStage(t).stale(n, "{}")
	request := v.hold(beforeAnswer)
	v.begin(v.tabs[0])
	v.arrivedAt(request)
	return v, request.release
}

// stored returns what is in storage as the session's record.
func (v *visit) stored(tab *page) string {
	v.Helper()
	return eval[string](tab, `localStorage["onerefresh:visit"] ?? ""`)
}

// token returns the access token that a tab sees in storage.
func (v *visit) token(tab *page) string {
	v.Helper()
	return eval[string](tab, `JSON.parse(localStorage["onerefresh:visit"]).access_token`)
}

// foreign is a sign-in by code that is not ours, as JavaScript.
func (v *visit) foreign(response authserver.TokenResponse) string {
	text, err := json.Marshal(map[string]any{
		"v": 1, "access_token": response.AccessToken, "refresh_token": response.RefreshToken,
		"received_at": time.Now().UnixMilli(), "expires_at": time.Now().Add(time.Hour).UnixMilli(),
	})
	if err != nil {
		v.Fatal(err)
	}
	return fmt.Sprintf(`(localStorage.setItem("onerefresh:visit", %q), null)`, text)
}

// mustHaveLetGo fails the test unless the late answer to a session that is no
// more was revoked, and left no trace.
func (v *visit) mustHaveLetGo(grant string) {
	v.Helper()
	v.eventually(func() bool {
		ledger, _ := v.auth.Ledger(grant)
		return ledger.RevokedFor == authserver.RevokedOnRequest
	})
	ledger, _ := v.auth.Ledger(grant)
	if n := len(ledger.Presentations); n != 1 {
		v.Errorf("%d refresh tokens seen, want 1", n)
	}
}

func TestSignOutInFlight(t *testing.T) {
	t.Parallel()
	for i, where := range []string{"the same tab", "another tab"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			v, release := inFlight(t, 2)
			for _, tab := range v.tabs {
				tab.wait(`saw("signedin") === 1`) // a session that is over before a tab hears of it is no event there
			}
			eval[any](v.tabs[i], "tab.signOut().then(() => null)")
			release()
			v.mustFail(v.end(v.tabs[0], 3*time.Second), "signed_out")
			v.mustHaveLetGo(v.grant)
			for _, tab := range v.tabs {
				tab.wait(`saw("signedout") === 1`)
				v.mustFail(v.ask(tab, time.Second), "signed_out")
				if text := v.stored(tab); strings.Contains(text, "_token") {
					t.Errorf("resurrected: %s", text)
				}
			}
		})
	}
}

func TestSignInAsAnotherUserInFlight(t *testing.T) {
	t.Parallel()
	for i, where := range []string{"the same tab", "another tab"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			v, release := inFlight(t, 2)
			alice := v.grant
			v.grant = v.signInAs(v.tabs[i], "bob")
			release()
			v.allAreBob()
			v.mustHaveLetGo(alice)
		})
	}
}

// allAreBob fails the test unless all callers get the token of v.grant, for
// which no refresh token was spent.
func (v *visit) allAreBob() {
	v.Helper()
	got := v.end(v.tabs[0], 6*time.Second) // foreign code tells nobody; to believe its writes takes 3 s
	v.mustGetToken(got)
	if user := v.user(got.Token); user != "bob" {
		v.Errorf("the caller who asked before got the token of %q", user)
	}
	for _, tab := range v.tabs {
		tab.wait(`ask().then(({ token }) => fetch("/resource", { headers: { Authorization: "Bearer " + token } }))
			.then((response) => response.json()).then(({ user }) => user === "bob")`)
	}
	v.settled()
	v.mustHaveSeen()
}

func TestForeignSignInInFlight(t *testing.T) {
	t.Parallel()
	for i, where := range []string{"the same tab", "another tab"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			v, release := inFlight(t, 2)
			alice := v.grant
			response := v.auth.OpenGrant("bob", time.Hour)
			v.grant = response.Grant
			eval[any](v.tabs[i], v.foreign(response))
			release()
			v.allAreBob()
			v.mustHaveLetGo(alice)
		})
	}
}

func TestForeignClearInFlight(t *testing.T) {
	t.Parallel()
	for i, where := range []string{"the same tab", "another tab"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			v, release := inFlight(t, 2)
			eval[any](v.tabs[i], "(localStorage.clear(), null)")
			release()
			v.mustFail(v.end(v.tabs[0], 5*time.Second), "signed_out")
			v.mustHaveLetGo(v.grant)
			for _, tab := range v.tabs {
				v.mustFail(v.ask(tab, time.Second), "signed_out")
				if text := v.stored(tab); strings.Contains(text, "_token") || !strings.Contains(text, "generation") {
					t.Errorf("stored is %q; want that nobody is signed in, and no token", text)
				}
			}
		})
	}
}

// A page without storage, such as that of an opaque origin, is told so.
func TestStorageRefused(t *testing.T) {
	t.Parallel()
	p := newFaultStage(t).open("/opaque")
	got := eval[string](p, `import(new URL("/dist/index.js", location.href)).then(({ open }) =>
		open({ name: "visit", tokenEndpoint: "/token", clientId: "demo" })).then(() => "opened", (e) => e.code + " " + e.cause?.name)`)
	if got != "misconfigured SecurityError" {
		t.Errorf("got %q", got)
	}
}

// Storage that is refused later: nothing is spent that could not be stored.
func TestStorageRefusedAfterOpening(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(1, "{}")
	tab := v.tabs[0]
	eval[any](tab, `(window.original = Storage.prototype.getItem, Storage.prototype.getItem = () => { throw new DOMException("refused", "SecurityError") }, null)`)
	v.mustFail(v.ask(tab, 10*time.Second), "temporarily_unavailable")
	v.mustHaveSeen()
	eval[any](tab, `(Storage.prototype.getItem = original, null)`)
	v.mustGetTokenSoon(tab)
	v.mustHaveSeen(rotated)
}

const fill = `(() => {
  let text = "x".repeat(2 ** 23);
  for (let i = 0; text; i++) {
    try { localStorage.setItem("filler" + i, text); } catch { text = text.slice(text.length >> 1 || 1); }
  }
  return null;
})()`

// There is no room for the attempt: nothing is sent.
func TestStorageFullBeforeTheExchange(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(2, "{}")
	eval[any](v.tabs[0], fill)
	v.mustFail(v.ask(v.tabs[0], 10*time.Second), "temporarily_unavailable")
	v.mustHaveSeen()
	eval[any](v.tabs[0], `(Object.keys(localStorage).forEach((key) => key.startsWith("filler") && localStorage.removeItem(key)), null)`)
	v.mustGetTokenSoon(v.tabs[0])
	v.mustGetTokenSoon(v.tabs[1])
	v.mustHaveSeen(rotated)
}

// There is room for the attempt, but not for the answer: who has it goes on
// with it, the others are told, and nobody sends the spent token again.
func TestStorageFullAfterTheExchange(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(2, `{tokenEndpoint: undefined, clientId: "demo", refresh: async (refresh_token) => {
		const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token, client_id: "demo" });
		const answer = await (await fetch("/token", { method: "POST", body })).json();
		return { ...answer, padding: "x".repeat(10000) };
	}}`)
	holder, peer := v.tabs[0], v.tabs[1]
	eval[any](holder, `(localStorage.setItem("room", "x".repeat(5000)), null)`)
	eval[any](holder, fill)
	eval[any](holder, `(localStorage.removeItem("room"), null)`)
	v.mustGetToken(v.ask(holder, 10*time.Second))
	holder.wait(`saw("refresherror") === 1`)
	v.mustHaveSeen(rotated)
	v.mustFail(v.ask(peer, 10*time.Second), "temporarily_unavailable")
	v.mustGetToken(v.ask(holder, time.Second))
	v.mustHaveSeen(rotated)
	eval[any](holder, `(Object.keys(localStorage).forEach((key) => key.startsWith("filler") && localStorage.removeItem(key)), null)`)
	v.mustGetTokenSoon(peer)
	v.mustGetToken(v.ask(holder, time.Second))
	v.mustHaveSeen(rotated)
	eval[answer](holder, "ask({forceRefresh: true})")
	v.mustHaveSeen(rotated, rotated)
}

// What cannot be read is not overwritten but by a sign-in.
func TestRecordsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"corrupt":           `{"v": 1, "access_tok`,
		"no object":         `"x"`,
		"of the wrong type": `{"v": 1, "access_token": 7, "refresh_token": []}`,
		"without version":   `{"access_token": "x", "refresh_token": "y"}`,
		"older version":     `{"v": 0, "access_token": "x", "refresh_token": "y"}`,
		"newer version":     `{"v": 2, "token": {"access": "x", "refresh": "y"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newFaultStage(t).stale(2, "{}")
			eval[any](v.tabs[0], fmt.Sprintf(`(localStorage["onerefresh:visit"] = %q, null)`, text))
			v.tabs[1].wait(fmt.Sprintf(`localStorage["onerefresh:visit"] === %q`, text))
			for _, tab := range v.tabs {
				v.begin(tab)
			}
			for _, tab := range v.tabs {
				// Each waits for 3 s, under the lock, for something better to show.
				v.mustFail(v.end(tab, 8*time.Second), "misconfigured")
			}
			v.mustHaveSeen()
			if got := v.stored(v.tabs[0]); got != text {
				t.Errorf("overwritten by %s", got)
			}
			v.grant = v.signInFor(v.tabs[0], "alice", 0)
			v.allSignedIn()
			v.mustGetToken(v.ask(v.tabs[1], 6*time.Second))
			v.mustGetToken(v.ask(v.tabs[0], 6*time.Second))
			v.mustHaveSeen(rotated)
		})
	}
}

// To be sure that storage will show nothing better takes 3 s. Ten tabs spend
// them at once, and each caller learns what is wrong.
func TestRecordThatIsOfNoUseInTenTabs(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(10, "{lockTimeout: 30000}") // the default
	for _, tc := range []struct {
		name, field string
		spoil       func(old string) string // what is stored in the end
	}{
		{"corrupt", "refresh_token", func(string) string {
			return `{"v": 1, "generation": 1, "access_token": "x", "refresh_token": []}`
		}},
		{"generation lost", "generation", func(old string) string { // as after a crash of the browser
			v.mustGetTokenSoon(v.tabs[0])
			return old
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := tc.spoil(v.stored(v.tabs[0]))
			before := len(v.ledger().Presentations)
			eval[any](v.tabs[0], fmt.Sprintf(`(localStorage["onerefresh:visit"] = %q, null)`, text))
			for _, tab := range v.tabs {
				tab.wait(fmt.Sprintf(`localStorage["onerefresh:visit"] === %q`, text))
			}
			for _, tab := range v.tabs {
				v.begin(tab)
			}
			for _, tab := range v.tabs {
				got := v.end(tab, 6*time.Second)
				v.mustFail(got, "misconfigured")
				if !strings.Contains(got.Message, tc.field) {
					t.Errorf("%v does not name %s", got, tc.field)
				}
			}
			if n := len(v.ledger().Presentations) - before; n > 0 {
				t.Errorf("%d refresh tokens sent", n)
			}
			v.grant = v.signInFor(v.tabs[0], "alice", 0)
			v.allSignedIn()
		})
	}
	for _, tab := range v.tabs {
		v.mustGetTokenSoon(tab)
	}
	v.mustHaveSeen(rotated)
}

var rounds = flag.Int("rounds", 10, "how often a user signs in after storage was cleared by other code")

// Other code clears storage, and a user signs in in another tab, while callers
// keep asking. Whoever asks when the sign-in is in place gets its token: a copy
// of storage that still shows nothing is not taken for a sign-out.
func TestSignInAfterForeignClear(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(4, "{}")
	for _, tab := range v.tabs[1:] {
		eval[any](tab, `{
			window.answers = [];
			window.keepAsking = async () => {
				for (window.asking = true; asking; await new Promise((resolve) => setTimeout(resolve, 5))) answers.push(await ask());
			};
			null
		}`)
	}
	var told, signedOut int
	for round := range *rounds {
		for _, tab := range v.tabs[1:] {
			eval[any](tab, `(answers.length = 0, window.stopped = keepAsking(), null)`)
			tab.wait(`answers.some(({ token }) => token)`)
		}
		eval[any](v.tabs[1], `(localStorage.clear(), null)`)
		response := v.auth.OpenGrant("bob", time.Duration(round%2)*time.Hour) // or stale at once
		v.grant = response.Grant
		text, err := json.Marshal(response)
		if err != nil {
			t.Fatal(err)
		}
		since := eval[float64](v.tabs[0], fmt.Sprintf(`tab.signIn(%s).then(() => performance.timeOrigin + performance.now())`, text))
		for i, tab := range v.tabs[1:] {
			tab.wait(fmt.Sprintf(`answers.some(({ token, asked }) => token && asked > %f)`, since))
			all := eval[[]answer](tab, `(asking = false, stopped.then(() => answers))`)
			for _, a := range all {
				switch {
				case a.Code == "signed_out" && a.Asked < since:
					signedOut++ // as it was
				case a.Code != "":
					t.Errorf("round %d, tab %d: got %v, asked %.1f ms after the sign-in", round, i+2, a, a.Asked-since)
				default:
					told++
				}
			}
		}
		if n := v.ledger().Count(rotated); n != 1-round%2 || n != len(v.ledger().Presentations) {
			t.Fatalf("round %d: the endpoint saw %+v", round, v.ledger().Presentations)
		}
	}
	t.Logf("%d rounds: %d answers with a token, %d saw that nobody was signed in", *rounds, told, signedOut)
}
