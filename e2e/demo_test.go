//go:build !(js && wasm)

package e2e

import "testing"

// The page as a person uses it: sign in, open tabs, choose, run, compare.
func TestDemoPage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	c := s.control
	click := func(selector string) {
		t.Helper()
		c.wait(`document.querySelector('` + selector + `') && !document.querySelector('` + selector + `').disabled`)
		eval[any](c, `document.querySelector('`+selector+`').click()`)
	}

	click("#open-tabs") // five, by default
	c.wait("demo.tabs() === 5")
	for _, o := range []struct{ mode, verdict string }{{"none", "lost"}, {"onerefresh", "kept"}} {
		click(`#modes [value=` + o.mode + `]`)
		click("#one")
		c.wait(`document.querySelector("#running").hidden && document.querySelector("#verdict").dataset.state === "` + o.verdict + `"`)
	}

	click("#sign-in") // the authorization code flow with PKCE, in the mode chosen last
	c.wait(`location.pathname === "/authorize" && document.readyState === "complete"`)
	eval[any](c, `document.querySelector("form").submit()`)
	c.wait(`location.pathname === "/" && document.querySelector("#user").textContent.startsWith("Signed in as ada")`)
	c.wait("demo.tabs() === 5")
	click("#expire")
	c.wait(`document.querySelector("#running").hidden && document.querySelector("#verdict").dataset.state === "kept"`)
	if trouble := eval[string](c, `document.querySelector("#trouble").textContent`); trouble != "" {
		t.Error(trouble)
	}
}
