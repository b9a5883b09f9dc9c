//go:build !(js && wasm)

package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

const (
	rotated = authserver.OutcomeRotated
	grace   = authserver.OutcomeGrace
	reuse   = authserver.OutcomeReuse
	failed  = authserver.OutcomeFailed
)

// What a server that is down, busy or not there at all answers, without having
// looked at the refresh token. All tabs get the same error until the cooldown
// is over, and nobody is signed out.
func TestTransientFailures(t *testing.T) {
	t.Parallel()
	const firstCooldown = 500 * time.Millisecond // at least
	in4s := func() time.Time { return time.Now().Add(4 * time.Second).UTC().Truncate(time.Second) }
	for name, tc := range map[string]struct {
		failure authserver.Failure
		tries   int           // until the cooldown begins; 0 is 1
		atLeast time.Duration // from then to the next try; 0 is firstCooldown
	}{
		"500":                      {failure: authserver.Failure{Kind: authserver.FailStatus, Status: 500}},
		"503":                      {failure: authserver.Failure{Kind: authserver.FailStatus, Status: 503, Body: "<h1>Unavailable</h1>"}},
		"408":                      {failure: authserver.Failure{Kind: authserver.FailStatus, Status: 408}},
		"429":                      {failure: authserver.Failure{Kind: authserver.FailStatus, Status: 429}},
		"429 Retry-After: seconds": {failure: authserver.Failure{Kind: authserver.FailStatus, Status: 429, Header: http.Header{"Retry-After": {"2"}}}, atLeast: 2 * time.Second},
		"429 Retry-After: date":    {failure: authserver.Failure{Kind: authserver.FailStatus, Status: 429}},
		"HTML with 200":            {failure: authserver.Failure{Kind: authserver.FailHTML}},
		"no JSON with 200":         {failure: authserver.Failure{Kind: authserver.FailBadJSON}},
		// Where there is no answer at all, the same is tried once more at once.
		"reset":    {failure: authserver.Failure{Kind: authserver.FailReset, Count: 2}, tries: 2},
		"redirect": {failure: authserver.Failure{Kind: authserver.FailStatus, Status: 307, Header: http.Header{"Location": {"/resource"}}, Count: 2}, tries: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newFaultStage(t).stale(2, "{}")
			tries := max(1, tc.tries)
			notBefore := time.Time{}
			if name == "429 Retry-After: date" {
				notBefore = in4s()
				tc.failure.Header = http.Header{"Retry-After": {notBefore.Format(http.TimeFormat)}}
			}
			v.fail(tc.failure)
			first := v.ask(v.tabs[0], 5*time.Second)
			v.mustFail(first, "temporarily_unavailable")
			if first.RetryAfter <= 0 {
				t.Errorf("%v does not say when to try again", first)
			}
			// The cooldown is everybody's.
			second := v.ask(v.tabs[1], 5*time.Second)
			if second.Asked+second.MS < first.Asked+first.MS+1000*first.RetryAfter-100 {
				v.mustFail(second, "temporarily_unavailable")
			} else {
				t.Log("the machine was too busy to answer in the cooldown")
			}
			v.mustGetTokenSoon(v.tabs[1])
			v.mustGetTokenSoon(v.tabs[0])
			v.mustHaveSeen(append(slices.Repeat([]authserver.Outcome{failed}, tries), rotated)...)
			last, next := v.ledger().Presentations[tries-1], v.ledger().Presentations[tries]
			if gap := next.Arrived.Sub(last.Arrived); gap < max(tc.atLeast, firstCooldown) {
				t.Errorf("tried again after %v, want %v at least", gap, max(tc.atLeast, firstCooldown))
			}
			if early := notBefore.Sub(next.Arrived); early > 10*time.Millisecond {
				t.Errorf("tried again %v before the server said", early)
			}
			for _, tab := range v.tabs {
				if n := eval[int](tab, `saw("signedout")`); n > 0 {
					t.Error("signed out")
				}
			}
		})
	}
}

// The server has rotated, and its answer got lost.
var lostAnswers = map[string]authserver.Failure{
	"reset":         {Kind: authserver.FailReset, Rotate: true},
	"truncated":     {Kind: authserver.FailTruncated},
	"redirect":      {Kind: authserver.FailStatus, Status: 302, Header: http.Header{"Location": {"/"}}, Rotate: true},
	"HTML with 200": {Kind: authserver.FailHTML, Rotate: true},
	"502":           {Kind: authserver.FailStatus, Status: 502, Rotate: true},
	"hangs":         {Kind: authserver.FailHang, Rotate: true},
}

func TestLostAnswerOnAServerWithGrace(t *testing.T) {
	t.Parallel()
	for name, failure := range lostAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newFaultStage(t).stale(2, "{exchangeTimeout: 3000}")
			v.configure(authserver.Settings{GracePeriod: time.Minute, Failures: []authserver.Failure{failure}})
			for _, tab := range v.tabs {
				v.begin(tab)
			}
			for _, tab := range v.tabs {
				if got := v.end(tab, 5*time.Second); got.Code != "" {
					v.mustFail(got, "temporarily_unavailable")
				}
				v.mustGetTokenSoon(tab)
			}
			v.mustHaveSeen(rotated, grace)
		})
	}
}

func TestLostAnswerOnAStrictServer(t *testing.T) {
	t.Parallel()
	for name, failure := range lostAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newFaultStage(t).stale(2, "{exchangeTimeout: 3000}")
			v.fail(failure)
			v.ask(v.tabs[0], 5*time.Second)
			v.eventually(func() bool {
				return eval[answer](v.tabs[1], "ask()").Code == "session_ended"
			})
			v.mustHaveEndedOnce(v.ask(v.tabs[1], time.Second))
		})
	}
}

// Nobody waits for longer than the exchange may take.
func TestSocketHangsForEver(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(3, "{exchangeTimeout: 3000}")
	v.fail(authserver.Failure{Kind: authserver.FailHang})
	for _, tab := range v.tabs {
		v.begin(tab)
	}
	for _, tab := range v.tabs {
		v.mustFail(v.end(tab, 5*time.Second), "temporarily_unavailable")
	}
	v.mustHaveSeen(failed)
	for _, tab := range v.tabs {
		v.mustGetTokenSoon(tab)
	}
	v.mustHaveSeen(failed, rotated)
}

func TestOfflineAndBack(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(2, "{}")
	offline := func(is bool) {
		for _, tab := range v.tabs {
			if _, err := chromedp.Call(tab.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
				MatchedNetworkConditions: []*network.Conditions{{Offline: is, DownloadThroughput: -1, UploadThroughput: -1}},
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The module is loaded; what is missing is the token endpoint.
	for _, tab := range v.tabs {
		tab.wait(`performance.getEntriesByType("resource").some(({ name }) => name.endsWith(".wasm"))`)
	}
	offline(true)
	for _, tab := range v.tabs {
		v.mustFail(v.ask(tab, 5*time.Second), "temporarily_unavailable")
	}
	v.mustHaveSeen()
	offline(false)
	for _, tab := range v.tabs {
		v.mustGetTokenSoon(tab)
	}
	v.mustHaveSeen(rotated)
}

// A token that still works is returned when it could not be replaced in time.
func TestFailedEarlyRefreshHurtsNobody(t *testing.T) {
	t.Parallel()
	v := altered(t, 1, settableClock, "{}")
	tab := v.tabs[0]
	v.grant = v.signInFor(tab, "alice", 400*time.Second)
	before := v.ask(tab, time.Second)
	v.fail(authserver.Failure{Kind: authserver.FailStatus, Status: 503})
	v.set(375 * time.Second) // within the margin of 30 s
	after := v.ask(tab, time.Second)
	v.mustGetToken(after)
	v.mustHaveSeen(failed)
	if after.Token != before.Token {
		t.Error("got another token")
	}
	v.eventually(func() bool {
		v.mustGetToken(eval[answer](tab, "ask()"))
		return len(v.ledger().Presentations) > 1
	})
	v.mustHaveSeen(failed, rotated)
}

// Of an answer that breaks the contract the refresh token counts: the one that
// was spent for it is not sent again.
func TestAnswerWithoutAnAccessToken(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(2, "{}")
	v.fail(authserver.Failure{Kind: authserver.FailNoAccess})
	v.mustFail(v.ask(v.tabs[0], 5*time.Second), "misconfigured")
	v.mustFail(v.ask(v.tabs[1], 5*time.Second), "misconfigured")
	v.mustGetTokenSoon(v.tabs[1])
	v.mustHaveSeen(rotated, rotated)
}

func TestAnswerWithoutARefreshToken(t *testing.T) {
	t.Parallel()
	v := newFaultStage(t).stale(1, "{}")
	v.fail(authserver.Failure{Kind: authserver.FailNoRefresh})
	v.mustGetToken(v.ask(v.tabs[0], 5*time.Second))
	v.mustGetToken(eval[answer](v.tabs[0], "ask({forceRefresh: true})"))
	v.mustHaveSeen(authserver.OutcomeKept, rotated)
}

// The module cannot be fetched: a typed error, nothing is spent, and the next
// call tries anew.
func TestModuleUnavailable(t *testing.T) {
	t.Parallel()
	s := newFaultStage(t)
	v := &visit{stage: s, tabs: []*page{s.load()}}
	tab := v.tabs[0]
	eval[any](tab, `join({wasmURL: "/nowhere.wasm"}).then(() => null)`)
	response := s.auth.OpenGrant("alice", 0)
	v.grant = response.Grant
	eval[any](tab, `(localStorage.setItem("onerefresh:visit", JSON.stringify({v: 1, access_token: "stale",
		refresh_token: "`+response.RefreshToken+`", received_at: 1, expires_at: 2})), null)`)
	v.mustFail(v.ask(tab, 5*time.Second), "wasm_unavailable")
	v.mustHaveSeen()
	eval[any](tab, `join().then(() => null)`)
	v.mustGetToken(v.ask(tab, 5*time.Second))
	v.mustHaveSeen(rotated)
}
