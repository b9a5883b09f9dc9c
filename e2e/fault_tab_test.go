//go:build !(js && wasm)

package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// afterDeath is how long a tab may take to get a token, or the reason why there
// is none, that waits for one that dies. To believe a server that the session
// has ended takes 1.3 s of it.
const afterDeath = 5 * time.Second

// dying are the ways in which the holder of the lock goes.
var dying = map[string]func(*page){
	"closed":    (*page).kill,
	"crashed":   (*page).crash,
	"navigated": func(p *page) { chromedp.Do(p.ctx, chromedp.Navigate(p.url+"/blank")) },
}

// dies has the holder of the lock die at a moment, and returns what a tab got
// that was waiting for it.
func dies(t *testing.T, leave func(*page), settings authserver.Settings, moment func(v *visit, holder *page)) (v *visit, got answer) {
	t.Helper()
	v = newFaultStage(t).stale(3, "{}")
	v.configure(settings)
	holder, peer := v.tabs[0], v.tabs[1]
	v.begin(holder)
	moment(v, holder)
	v.begin(peer)
	leave(holder)
	v.tabs = v.tabs[1:]
	got = v.end(peer, afterDeath)
	v.settled()
	return v, got
}

// The attempt is on record, and the refresh token has not left the tab: also a
// strict server has nothing to hold against its next holder.
func TestHolderGoneBeforeSending(t *testing.T) {
	for how, leave := range dying {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			v := newFaultStage(t).stale(2, "{}")
			holder, peer := v.tabs[0], v.tabs[1]
			eval[any](holder, `holdAt("send")`)
			v.begin(holder)
			holder.wait("window.reached")
			v.begin(peer)
			v.mustHaveSeen()
			leave(holder)
			v.tabs = v.tabs[1:]
			if got := v.end(peer, afterDeath); got.Code != "" {
				v.mustFail(got, "temporarily_unavailable") // a busy machine is slow to say that nobody keeps the answer
			}
			v.mustGetTokenSoon(peer)
			v.mustHaveSeen(authserver.OutcomeRotated)
		})
	}
}

// moments are those at which nobody but the server knows that the refresh
// token is spent, or will be.
var moments = map[string]struct {
	settings authserver.Settings
	moment   func(v *visit, holder *page)
}{
	"before the server decides": {
		authserver.Settings{LatencyBefore: 300 * time.Millisecond},
		func(v *visit, _ *page) { v.arrived(1) },
	},
	"before the server answers": {
		authserver.Settings{LatencyAfter: 300 * time.Millisecond},
		func(v *visit, _ *page) {
			v.eventually(func() bool { return v.ledger().Count(authserver.OutcomeRotated) == 1 })
		},
	},
}

func TestHolderGoneInFlightOnAServerWithGrace(t *testing.T) {
	for when, m := range moments {
		for how, leave := range dying {
			t.Run(how+" "+when, func(t *testing.T) {
				t.Parallel()
				settings := m.settings
				settings.GracePeriod = time.Minute
				v, got := dies(t, leave, settings, m.moment)
				v.mustGetToken(got)
				v.mustHaveSeen(authserver.OutcomeRotated, authserver.OutcomeGrace)
				v.mustGetToken(v.ask(v.tabs[1], time.Second))
				v.mustHaveSeen(authserver.OutcomeRotated, authserver.OutcomeGrace)
			})
		}
	}
}

func TestHolderGoneInFlightOnAStrictServer(t *testing.T) {
	for when, m := range moments {
		for how, leave := range dying {
			t.Run(how+" "+when, func(t *testing.T) {
				t.Parallel()
				v, got := dies(t, leave, m.settings, m.moment)
				v.mustHaveEndedOnce(got)
			})
		}
	}
}

// The answer is in the tab, and not in storage yet.
func TestHolderGoneBeforePersistingOnAServerWithGrace(t *testing.T) {
	for how, leave := range dying {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			v, got := diesBeforePersisting(t, leave, time.Minute)
			v.mustGetToken(got)
			v.mustHaveSeen(authserver.OutcomeRotated, authserver.OutcomeGrace)
		})
	}
}

func TestHolderGoneBeforePersistingOnAStrictServer(t *testing.T) {
	for how, leave := range dying {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			v, got := diesBeforePersisting(t, leave, 0)
			v.mustHaveEndedOnce(got)
		})
	}
}

func diesBeforePersisting(t *testing.T, leave func(*page), grace time.Duration) (*visit, answer) {
	t.Helper()
	v := newFaultStage(t).stale(3, "{}")
	v.configure(authserver.Settings{GracePeriod: grace})
	holder, peer := v.tabs[0], v.tabs[1]
	eval[any](holder, `holdAt("answer")`)
	v.begin(holder)
	holder.wait("window.reached")
	v.begin(peer)
	leave(holder)
	v.tabs = v.tabs[1:]
	return v, v.end(peer, afterDeath)
}

// mustHaveEndedOnce fails the test unless a lost answer has ended the session:
// with one reason, one event in each tab, and no further try.
func (v *visit) mustHaveEndedOnce(got answer) {
	v.Helper()
	v.mustHaveLostAnswer(got)
	for _, tab := range v.tabs {
		tab.wait(`saw("signedout") === 1`)
		v.mustHaveLostAnswer(v.ask(tab, time.Second))
		if n := eval[int](tab, `saw("signedout")`); n != 1 {
			v.Errorf("%d events signedout", n)
		}
	}
	v.mustHaveSeen(authserver.OutcomeRotated, authserver.OutcomeReuse)
}

// Nobody waits for a holder that is frozen for longer than LockTimeout, and
// nobody takes the lock from it.
func TestHolderFrozenInFlight(t *testing.T) {
	v := newFaultStage(t).stale(2, "{lockTimeout: 1000, exchangeTimeout: 20000}")
	v.configure(authserver.Settings{LatencyAfter: 300 * time.Millisecond})
	holder, peer := v.tabs[0], v.tabs[1]
	v.begin(holder)
	v.arrived(1)
	holder.state(cdppage.SetWebLifecycleStateStateFrozen)
	v.mustFail(v.ask(peer, 3*time.Second), "lock_timeout")
	v.mustHaveSeen(authserver.OutcomeRotated)
	holder.state(cdppage.SetWebLifecycleStateStateActive)
	v.mustGetToken(v.end(holder, 10*time.Second))
	v.mustGetToken(v.ask(peer, time.Second))
	v.mustHaveSeen(authserver.OutcomeRotated)
}

// The answer came while the holder was frozen, and is there when it wakes up
// to find that its time is over.
func TestHolderFrozenForLongerThanTheExchangeMayTake(t *testing.T) {
	v := newFaultStage(t).stale(2, "{lockTimeout: 3000, exchangeTimeout: 500}")
	v.configure(authserver.Settings{LatencyAfter: 300 * time.Millisecond})
	holder, peer := v.tabs[0], v.tabs[1]
	v.begin(holder)
	v.arrived(1)
	holder.state(cdppage.SetWebLifecycleStateStateFrozen)
	v.begin(peer)
	v.mustFail(v.end(peer, 6*time.Second), "lock_timeout")
	holder.state(cdppage.SetWebLifecycleStateStateActive)
	v.end(holder, 10*time.Second)
	v.mustGetTokenSoon(peer)
	v.mustGetTokenSoon(holder)
	v.mustHaveSeen(authserver.OutcomeRotated)
}

func TestHolderThrottled(t *testing.T) {
	v := newFaultStage(t).stale(3, "{}")
	holder := v.tabs[0]
	if _, err := chromedp.Call(holder.ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 20}); err != nil {
		t.Fatal(err)
	}
	v.begin(holder)
	v.arrived(1)
	for _, tab := range v.tabs[1:] {
		v.begin(tab)
	}
	for _, tab := range v.tabs {
		v.mustGetToken(v.end(tab, 10*time.Second))
	}
	v.mustHaveSeen(authserver.OutcomeRotated)
}

// All tabs of a computer that slept until their token was stale wake up in one
// moment, and each wants one.
func TestAllTabsWakeUpAtOnce(t *testing.T) {
	v := newFaultStage(t).stale(4, "{}")
	v.grant = v.signInFor(v.tabs[0], "alice", 2*time.Second)
	v.allSignedIn()
	stale := time.Now().Add(2 * time.Second)
	for _, tab := range v.tabs {
		eval[any](tab, `window.asked = new Promise(resolve => setTimeout(() => resolve(ask()), 1900)), null`)
		tab.state(cdppage.SetWebLifecycleStateStateFrozen)
	}
	v.eventually(func() bool { return time.Now().After(stale.Add(time.Second)) })
	v.mustHaveSeen() // they do sleep
	for _, tab := range v.tabs {
		tab.state(cdppage.SetWebLifecycleStateStateActive)
	}
	for _, tab := range v.tabs {
		v.mustGetToken(v.end(tab, 5*time.Second))
	}
	v.mustHaveSeen(authserver.OutcomeRotated)
}

// mustGetTokenSoon asks again for as long as the answer is that this may help.
func (v *visit) mustGetTokenSoon(tab *page) {
	v.Helper()
	var last answer
	v.eventually(func() bool {
		last = eval[answer](tab, "ask()")
		return last.Code != "temporarily_unavailable" && last.Code != "misconfigured"
	})
	v.mustGetToken(last)
}
