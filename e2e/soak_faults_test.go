//go:build !(js && wasm)

package e2e

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// soakFaults are what can go wrong in a soak. Each draws what it needs at
// once, and may go on for a while.
var soakFaults = map[string]func(*soak){
	"tab closed": func(s *soak) {
		s.leave("tab closed", func(tab *soakTab, away time.Duration) error {
			s.close(tab)
			<-time.After(away)
			return s.openTab(tab)
		})
	},
	"renderer crashed": func(s *soak) {
		s.leave("renderer crashed", func(tab *soakTab, away time.Duration) error {
			go func(ctx context.Context) {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				chromedp.Call(ctx, cdppage.Crash, cdp.Empty{}) // nobody is left to answer
			}(tab.ctx)
			<-time.After(away)
			s.close(tab)
			return s.openTab(tab)
		})
	},
	"navigated and back": func(s *soak) {
		s.leave("navigated and back", func(tab *soakTab, away time.Duration) error {
			if err := s.do(tab, chromedp.Navigate(s.url+"/blank")); err != nil {
				return err
			}
			<-time.After(away)
			return s.back(tab)
		})
	},
	"reloaded": func(s *soak) {
		s.leave("reloaded", func(tab *soakTab, _ time.Duration) error { return s.do(tab, chromedp.Reload()) })
	},
	"frozen": func(s *soak) {
		s.trouble("frozen", 7000, func(tab *soakTab, is bool) error {
			state := cdppage.SetWebLifecycleStateStateActive
			if is {
				state = cdppage.SetWebLifecycleStateStateFrozen
			}
			return call(tab, cdppage.SetWebLifecycleState, cdppage.SetWebLifecycleStateParams{State: state})
		})
	},
	"offline": func(s *soak) {
		s.trouble("offline", 3000, func(tab *soakTab, is bool) error {
			return call(tab, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
				MatchedNetworkConditions: []*network.Conditions{{Offline: is, DownloadThroughput: -1, UploadThroughput: -1}},
			})
		})
	},
	"throttled": func(s *soak) {
		s.trouble("throttled", 3000, func(tab *soakTab, is bool) error {
			rate := 1.0
			if is {
				rate = 10
			}
			return call(tab, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: rate})
		})
	},

	"sign-out": func(s *soak) {
		s.leaveSession("sign-out", `soak.signOut().then(() => null)`)
		s.signInAgain()
	},
	"localStorage.clear()": func(s *soak) {
		s.leaveSession("localStorage.clear()", `localStorage.clear()`)
		s.signInAgain()
	},
	"another sign-in": func(s *soak) {
		s.signIn()
	},
	"grace period": func(s *soak) {
		// It changes with the sign-in: what a server grants within it, one
		// without takes for theft.
		grace := time.Duration(s.draw.IntN(2)) * time.Minute
		s.leaveSession("grace period", `soak.signOut().then(() => null)`)
		s.auth.Configure(func(c *authserver.Settings) { c.GracePeriod = grace })
		s.signInAgain()
	},

	"500":                  fail("500", authserver.Failure{Kind: authserver.FailStatus, Status: 500}),
	"503":                  fail("503", authserver.Failure{Kind: authserver.FailStatus}),
	"408":                  fail("408", authserver.Failure{Kind: authserver.FailStatus, Status: 408}),
	"429":                  fail("429", authserver.Failure{Kind: authserver.FailStatus, Status: 429, Header: http.Header{"Retry-After": {"1"}}}),
	"reset":                fail("reset", authserver.Failure{Kind: authserver.FailReset}),
	"reset after rotation": fail("reset after rotation", authserver.Failure{Kind: authserver.FailReset, Rotate: true}),
	"hang after rotation":  fail("hang after rotation", authserver.Failure{Kind: authserver.FailHang, Rotate: true}),
	"truncated":            fail("truncated", authserver.Failure{Kind: authserver.FailTruncated}),
	"a portal's page":      fail("a portal's page", authserver.Failure{Kind: authserver.FailHTML}),
	"no access token":      fail("no access token", authserver.Failure{Kind: authserver.FailNoAccess}),
	"no refresh token":     fail("no refresh token", authserver.Failure{Kind: authserver.FailNoRefresh}),
	"redirect":             fail("redirect", authserver.Failure{Kind: authserver.FailStatus, Status: 307, Header: http.Header{"Location": {"/blank"}}}),
	"latency": func(s *soak) {
		before, after := time.Duration(s.draw.IntN(300))*time.Millisecond, time.Duration(s.draw.IntN(150))*time.Millisecond
		s.note("latency", "%v before the decision, %v after", before, after)
		s.auth.Configure(func(c *authserver.Settings) { c.LatencyBefore, c.LatencyAfter = before, after })
	},
}

func call[P, R any](tab *soakTab, command cdp.Command[P, R], params P) error {
	ctx, cancel := context.WithTimeout(tab.ctx, 15*time.Second)
	defer cancel()
	_, err := chromedp.Call(ctx, command, params)
	return err
}

// fail makes the next token request fail.
func fail(kind string, failure authserver.Failure) func(*soak) {
	return func(s *soak) {
		s.note(kind, "")
		s.auth.Configure(func(c *authserver.Settings) { c.Failures = append(c.Failures, failure) })
	}
}

func (s *soak) close(tab *soakTab) {
	ctx, cancel := context.WithTimeout(tab.ctx, 15*time.Second)
	defer cancel()
	chromedp.Cancel(ctx)
}

// back goes back in the tab's history, out of the back/forward cache maybe: no
// load event tells when that is done.
func (s *soak) back(tab *soakTab) error {
	s.soakMu.Lock()
	tab.by = ""
	s.soakMu.Unlock()
	s.eval(tab, "history.back()", time.Second)
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); poll() {
		s.soakMu.Lock()
		by := tab.by
		s.soakMu.Unlock()
		if by != "" {
			return nil
		}
	}
	return errors.New("the page does not come back")
}

// leave ends a load of a page, and brings another one.
func (s *soak) leave(kind string, how func(tab *soakTab, away time.Duration) error) {
	tab := s.free()
	if tab == nil {
		return
	}
	away := time.Duration(s.draw.IntN(1500)) * time.Millisecond
	s.note(kind, "tab %d, %.8s, for %v", tab.number, tab.by, away)
	s.faults.Go(func() {
		defer s.release(tab)
		s.soakMu.Lock()
		by := tab.by
		s.soakMu.Unlock()
		s.mu.Lock()
		begin := time.Now()
		s.gone[by] = append(s.gone[by], begin)
		s.mu.Unlock()
		if err := how(tab, away); err != nil {
			s.note(kind+" failed", "tab %d: %v", tab.number, err)
			s.close(tab)
			if err := s.openTab(tab); err != nil {
				s.Errorf("tab %d does not open: %v", tab.number, err)
			}
		}
		s.mu.Lock()
		s.troubled[by] = append(s.troubled[by], interval{"gone", begin, time.Now()})
		s.mu.Unlock()
	})
}

// trouble does something to a tab for a while, up to a number of milliseconds.
func (s *soak) trouble(kind string, most int, set func(tab *soakTab, is bool) error) {
	tab := s.free()
	if tab == nil {
		return
	}
	d := time.Duration(500+s.draw.IntN(most-500)) * time.Millisecond
	s.note(kind, "tab %d, %.8s, for %v", tab.number, tab.by, d)
	s.faults.Go(func() {
		defer s.release(tab)
		s.soakMu.Lock()
		by := tab.by
		s.soakMu.Unlock()
		began := interval{kind, time.Now(), time.Now().Add(time.Hour)}
		s.mu.Lock()
		at := len(s.troubled[by])
		s.troubled[by] = append(s.troubled[by], began)
		s.mu.Unlock()
		err := set(tab, true)
		<-time.After(d)
		if err == nil {
			err = set(tab, false)
		}
		if err != nil {
			s.Errorf("%s: %v", kind, err)
		}
		s.mu.Lock()
		s.troubled[by][at].to = time.Now()
		s.mu.Unlock()
	})
}

// leaveSession ends the session in some tab.
func (s *soak) leaveSession(kind, expression string) {
	tab := s.free()
	if tab == nil {
		return
	}
	begin := time.Now()
	err := s.eval(tab, expression, soakPatience)
	s.release(tab)
	now := time.Now()
	s.mu.Lock()
	for _, g := range s.granted {
		if g.until.IsZero() {
			g.until = now
		}
	}
	s.signedOut = append(s.signedOut, interval{"signed out", begin, now.Add(time.Hour)})
	s.mu.Unlock()
	s.note(kind, "in tab %d, %.8s, took %v: %v", tab.number, tab.by, now.Sub(begin), err)
}

// signInAgain does so after a while.
func (s *soak) signInAgain() {
	<-time.After(time.Duration(s.draw.IntN(1500)) * time.Millisecond)
	s.signIn()
}
