//go:build !(js && wasm)

package examples

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// Three tabs render two components each that need the session, whose token is
// stale. In React's Strict Mode each is mounted twice.
func TestFramework(t *testing.T) {
	for _, name := range []string{"react", "vue"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			tabs := s.open(name, 3)
			for _, tab := range tabs {
				eval[any](tab, "tab.show(), null")
				tab.wait(`document.body.innerText.includes("Signed out")`)
			}
			tabs[0].signIn("alice", 0)
			for _, tab := range tabs {
				tab.wait(`document.querySelector("#a")?.innerText === "alice" && document.querySelector("#b")?.innerText === "alice"`)
			}
			s.mustHaveRotated(1)
			for id, generations := range s.seen() {
				if len(generations) < 3 || slices.ContainsFunc(generations, func(n int) bool { return n != 1 }) {
					t.Errorf("%s: the API saw tokens %v, want the new one in each tab", id, generations)
				}
			}

			// All tabs are loaded again, and every component asks with a token that is
			// refused.
			s.auth.Expire(s.grant)
			for _, tab := range tabs {
				if err := chromedp.Do(tab.ctx, chromedp.Reload()); err != nil {
					t.Fatal(err)
				}
				tab.wait("window.tab")
			}
			for _, tab := range tabs {
				eval[any](tab, "tab.show(), null")
			}
			for _, tab := range tabs {
				tab.wait(`document.querySelector("#a")?.innerText === "alice" && document.querySelector("#b")?.innerText === "alice"`)
			}
			s.mustHaveRotated(2)

			// Another user, and a sign-out, from another tab.
			tabs[1].signIn("bob", time.Hour)
			for _, tab := range tabs {
				tab.wait(`document.querySelector("#a")?.innerText === "bob" && document.querySelector("#b")?.innerText === "bob"`)
			}
			eval[any](tabs[2], "tab.session.signOut(), null")
			for _, tab := range tabs {
				tab.wait(`document.body.innerText.includes("Signed out") && !document.querySelector("#a")`)
			}
		})
	}
}

// What a component does when it is mounted, Strict Mode does twice: the first
// refresh token is presented two times in one tab.
func TestReactPublishedPatternIsLost(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	tab := s.open("react-published", 1)[0]
	tab.signIn("alice", time.Hour)
	s.expectCrowd(2)
	eval[any](tab, "tab.show(), null")
	tab.wait(`document.body.innerText.includes("signed")`)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		if ledger, _ := s.auth.Ledger(s.grant); ledger.RevokedFor == authserver.RevokedForReuse {
			return
		}
	}
	t.Error("the session is alive: the control shows nothing")
}
