//go:build !(js && wasm)

package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
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

// queued waits until a tab waits for a session's lock that another one holds.
// Locks whose name ends in "/turn" say only who begins with a refresh.
func (v *visit) queued(tab *page) {
	v.Helper()
	tab.wait(`navigator.locks.query().then(({ pending }) => pending.some(({ name }) => !name.endsWith("/turn")))`)
}

// leaves has the first tab go, which the others know nothing of.
func (v *visit) leaves(leave func(*page)) {
	v.Helper()
	leave(v.tabs[0])
	v.tabs = v.tabs[1:]
}

// dies has the holder of the lock die while its request is at a place, and
// returns what a tab got that was waiting for it.
func dies(t *testing.T, leave func(*page), where place, grace time.Duration) (v *visit, got answer) {
	t.Helper()
	v = newFaultStage(t).stale(3, "{}")
	v.configure(authserver.Settings{GracePeriod: grace})
	holder, peer := v.tabs[0], v.tabs[1]
	request := v.hold(where)
	v.begin(holder)
	v.arrivedAt(request)
	v.begin(peer)
	v.queued(peer)
	v.leaves(leave)
	request.release()
	got = v.end(peer, afterDeath)
	v.settled()
	return v, got
}

// The attempt is on record, and the refresh token has not left the tab: also a
// strict server has nothing to hold against its next holder.
func TestHolderGoneBeforeSending(t *testing.T) {
	t.Parallel()
	for how, leave := range dying {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			v := newFaultStage(t).stale(2, "{}")
			holder, peer := v.tabs[0], v.tabs[1]
			eval[any](holder, `holdAt("send")`)
			v.begin(holder)
			holder.wait("window.reached")
			v.begin(peer)
			v.queued(peer)
			v.mustHaveSeen()
			v.leaves(leave)
			if got := v.end(peer, afterDeath); got.Code != "" {
				v.mustFail(got, "temporarily_unavailable") // a busy machine is slow to say that nobody keeps the answer
			}
			v.mustGetTokenSoon(peer)
			v.mustHaveSeen(rotated)
		})
	}
}

func TestHolderGoneInFlightOnAServerWithGrace(t *testing.T) {
	t.Parallel()
	for _, where := range []place{beforeDeciding, beforeAnswer} {
		for how, leave := range dying {
			t.Run(how+" "+string(where), func(t *testing.T) {
				t.Parallel()
				v, got := dies(t, leave, where, time.Minute)
				if got.Code != "" {
					v.mustFail(got, "temporarily_unavailable")
				}
				v.mustGetTokenSoon(v.tabs[0])
				v.mustHaveSeen(rotated, grace)
				v.mustGetToken(v.ask(v.tabs[1], time.Second))
				v.mustHaveSeen(rotated, grace)
			})
		}
	}
}

func TestHolderGoneInFlightOnAStrictServer(t *testing.T) {
	t.Parallel()
	for _, where := range []place{beforeDeciding, beforeAnswer} {
		for how, leave := range dying {
			t.Run(how+" "+string(where), func(t *testing.T) {
				t.Parallel()
				v, got := dies(t, leave, where, 0)
				v.mustHaveEndedOnce(got)
			})
		}
	}
}

// The answer is in the tab, and not in storage yet.
func TestHolderGoneBeforePersistingOnAServerWithGrace(t *testing.T) {
	t.Parallel()
	for how, leave := range dying {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			v, got := diesBeforePersisting(t, leave, time.Minute)
			if got.Code != "" {
				v.mustFail(got, "temporarily_unavailable")
			}
			v.mustGetTokenSoon(v.tabs[0])
			v.mustHaveSeen(rotated, grace)
		})
	}
}

func TestHolderGoneBeforePersistingOnAStrictServer(t *testing.T) {
	t.Parallel()
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
	v.queued(peer)
	v.leaves(leave)
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
	v.mustHaveSeen(rotated, reuse)
}

// Nobody waits for a holder that is frozen for longer than LockTimeout, and
// nobody takes the lock from it.
func TestHolderFrozenInFlight(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(2, "{lockTimeout: 1000, exchangeTimeout: 100000}")
	holder, peer := v.tabs[0], v.tabs[1]
	request := v.hold(beforeAnswer)
	v.begin(holder)
	v.arrivedAt(request)
	holder.freeze()
	request.release()
	v.mustFail(v.ask(peer, time.Second), "lock_timeout")
	v.mustHaveSeen(rotated)
	holder.thaw()
	v.mustGetToken(v.end(holder, 5*time.Second))
	v.mustGetTokenSoon(peer)
	v.mustHaveSeen(rotated)
}

// The answer came while the holder was frozen, and is there when it wakes up
// to find that its time is over.
func TestHolderFrozenForLongerThanTheExchangeMayTake(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(2, "{lockTimeout: 4000, exchangeTimeout: 3000}")
	holder, peer := v.tabs[0], v.tabs[1]
	request := v.hold(beforeAnswer)
	v.begin(holder)
	v.arrivedAt(request)
	holder.freeze()
	request.release()
	v.mustFail(v.ask(peer, 4*time.Second), "lock_timeout")
	holder.thaw()
	v.mustGetToken(v.end(holder, 10*time.Second))
	v.mustGetTokenSoon(peer)
	v.mustHaveSeen(rotated)
}

func TestHolderThrottled(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(3, "{}")
	holder := v.tabs[0]
	if _, err := chromedp.Call(holder.ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 20}); err != nil {
		t.Fatal(err)
	}
	request := v.hold(beforeAnswer)
	v.begin(holder)
	v.arrivedAt(request)
	for _, tab := range v.tabs[1:] {
		v.begin(tab)
	}
	request.release()
	for _, tab := range v.tabs {
		v.mustGetToken(v.end(tab, 10*time.Second))
	}
	v.mustHaveSeen(rotated)
}

// All tabs of a computer that slept until their token was stale wake up in one
// moment, and each wants one.
func TestAllTabsWakeUpAtOnce(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(4, "{}")
	v.grant = v.signInFor(v.tabs[0], "alice", 3*time.Second)
	v.allSignedIn()
	stale := time.Now().Add(3 * time.Second)
	for _, tab := range v.tabs {
		eval[any](tab, `window.asked = new Promise(resolve => setTimeout(() => resolve(ask()), 2900)), null`)
		tab.freeze()
	}
	v.eventually(func() bool { return time.Now().After(stale.Add(time.Second)) })
	v.mustHaveSeen() // they do sleep
	for _, tab := range v.tabs {
		tab.thaw()
	}
	for _, tab := range v.tabs {
		v.mustGetToken(v.end(tab, 5*time.Second))
	}
	v.mustHaveSeen(rotated)
}

// mustGetTokenSoon asks again for as long as the answer is that this may help.
func (v *visit) mustGetTokenSoon(tab *page) {
	v.Helper()
	begin := time.Now()
	var last answer
	v.eventually(func() bool {
		last = eval[answer](tab, "ask()")
		return last.Code != "temporarily_unavailable" && last.Code != "misconfigured" && last.Code != "lock_timeout"
	})
	v.mustGetToken(last)
	if took := time.Since(begin); took > afterDeath+slack {
		v.Errorf("after %v", took)
	}
}
