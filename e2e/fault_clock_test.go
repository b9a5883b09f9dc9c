//go:build !(js && wasm)

package e2e

import (
	"fmt"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// A clock that can be set, in place of the page's. Timers go on as before.
const settableClock = `(() => {
  const Real = Date;
  window.skew = 0;
  window.Date = class extends Real {
    constructor(...args) { args.length ? super(...args) : super(Real.now() + skew); }
    static now() { return Real.now() + skew; }
  };
})()`

// clocked opens n tabs whose clock can be set.
func clocked(t *testing.T, n int) *visit {
	t.Helper()
	v := altered(t, n, settableClock, "{}")
	v.grant = v.signInFor(v.tabs[0], "alice", time.Hour)
	v.allSignedIn()
	return v
}

// altered opens n tabs in which a script runs before anything else.
// options are those of open, as JavaScript text.
func altered(t *testing.T, n int, script, options string) *visit {
	t.Helper()
	v := &visit{stage: newFaultStage(t)}
	for range n {
		tab := v.open("/blank")
		if _, err := chromedp.Call(tab.ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Do(tab.ctx, chromedp.Navigate(v.url+"/page")); err != nil {
			t.Fatal(err)
		}
		eval[any](tab, "join("+options+").then(() => null)")
		v.tabs = append(v.tabs, tab)
	}
	return v
}

// set sets the clock of the computer, by a step from what it really is.
func (v *visit) set(step time.Duration) {
	for _, tab := range v.tabs {
		eval[any](tab, fmt.Sprintf("(window.skew = %d, null)", step.Milliseconds()))
	}
}

func (v *visit) allAsk() {
	v.Helper()
	for _, tab := range v.tabs {
		v.begin(tab)
	}
	for _, tab := range v.tabs {
		v.mustGetToken(v.end(tab, 3*time.Second))
	}
}

// A step of the clock costs one exchange at most, and that for all tabs.
func TestClockSet(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"back": -3 * time.Hour, "forward": 3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := clocked(t, 3)
			v.allAsk()
			v.mustHaveSeen()
			v.set(step)
			v.allAsk()
			v.mustHaveSeen(rotated)
			v.allAsk()
			v.mustHaveSeen(rotated)
			v.set(0)
			v.allAsk()
			v.mustHaveSeen(rotated, rotated)
		})
	}
}

// While a request is under way, the clock is set.
func TestClockSetInFlight(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"back": -3 * time.Hour, "forward": 3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := clocked(t, 3)
			v.set(2 * time.Hour)
			request := v.hold(beforeDeciding)
			for _, tab := range v.tabs {
				v.begin(tab)
			}
			v.arrivedAt(request)
			v.set(step)
			request.release()
			for _, tab := range v.tabs {
				v.mustGetToken(v.end(tab, 5*time.Second))
			}
			v.mustHaveSeen(rotated)
		})
	}
}

// The clock is set back in a cooldown: that does not prolong it.
func TestClockSetBackInACooldown(t *testing.T) {
	t.Parallel()
	v := clocked(t, 2)
	v.fail(authserver.Failure{Kind: authserver.FailStatus, Status: 503})
	v.set(2 * time.Hour)
	v.mustFail(v.ask(v.tabs[0], 3*time.Second), "temporarily_unavailable")
	v.set(-2 * time.Hour)
	for _, tab := range v.tabs {
		v.mustGetTokenSoon(tab)
	}
	v.mustHaveSeen(failed, rotated)
}

// A server whose tokens are stale on arrival gets one exchange, and then is
// left alone for a while.
func TestTokenStaleOnArrival(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(3, "{}")
	v.auth.Configure(func(s *authserver.Settings) { s.ExpiresIn = "0" })
	for _, tab := range v.tabs {
		v.begin(tab)
	}
	tokens := 0
	for _, tab := range v.tabs {
		if got := v.end(tab, 3*time.Second); got.Token != "" {
			tokens++
		} else if got.Code != "temporarily_unavailable" && got.Code != "misconfigured" {
			t.Errorf("got %v", got)
		}
	}
	if tokens == 0 {
		t.Error("nobody got the token")
	}
	eval[any](v.tabs[1], "Promise.all(Array.from({ length: 100 }, () => ask())).then(() => null)")
	all := v.ledger().Presentations
	for i, p := range all[1:] {
		if gap := p.Arrived.Sub(all[i].Arrived); gap < 400*time.Millisecond {
			t.Errorf("exchange %d came %v after the one before", i+2, gap)
		}
	}
	v.auth.Configure(func(s *authserver.Settings) { s.ExpiresIn = "" })
	for _, tab := range v.tabs {
		v.mustGetTokenSoon(tab)
	}
}

// An answer without expires_in breaks the contract, and its refresh token
// counts all the same.
func TestNoExpiresIn(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(2, "{}")
	v.fail(authserver.Failure{Kind: authserver.FailExpiresIn, ExpiresIn: authserver.Omit})
	for _, tab := range v.tabs {
		v.begin(tab)
	}
	for _, tab := range v.tabs {
		v.mustFail(v.end(tab, 3*time.Second), "misconfigured")
	}
	v.mustHaveSeen(rotated)
	for _, tab := range v.tabs {
		v.mustGetTokenSoon(tab)
	}
	v.mustHaveSeen(rotated, rotated)
}
