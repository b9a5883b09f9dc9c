//go:build !(js && wasm)

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

const (
	latency  = 50 * time.Millisecond // of the token endpoint
	patience = 15 * time.Minute      // for what a page is told to do: a dozen times 50 tabs may have to be reloaded
)

// A stage is a server, and a browser with a profile of its own.
type stage struct {
	url     string
	browser context.Context
	control *tab
	ends    []func()
}

func newStage(built string, options ...chromium.Option) (*stage, error) {
	s := &stage{}
	auth := authserver.New(authserver.Settings{LatencyBefore: latency})
	web := httptest.NewServer((&server{auth: auth, built: built}).handler())
	s.url = web.URL
	s.ends = append(s.ends, func() {
		auth.Close()
		web.CloseClientConnections()
		web.Close()
	})
	browser, end, err := chromium.Start(context.Background(), options...)
	if err != nil {
		s.end()
		return nil, err
	}
	s.browser = browser
	s.ends = append(s.ends, end)
	if s.control, err = s.open("/page/control.html"); err == nil {
		err = s.control.wait("window.bench?.ready")
	}
	if err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *stage) end() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		s.ends[i]()
	}
}

type tab struct {
	ctx   context.Context
	close context.CancelFunc
}

// open opens a path in a new tab, which has a renderer process of its own.
func (s *stage) open(path string) (*tab, error) {
	ctx, end := chromedp.NewContext(s.browser)
	if err := chromedp.Do(ctx, chromedp.Navigate(s.url+path)); err != nil {
		end()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &tab{ctx, end}, nil
}

// eval returns what a JavaScript expression, or the promise that it is, amounts
// to.
func eval[T any](t *tab, expression string, args ...any) (T, error) {
	if len(args) > 0 {
		expression = fmt.Sprintf(expression, args...)
	}
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return v, fmt.Errorf("%s: %w", expression, err)
	}
	return v, nil
}

func (t *tab) wait(condition string) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		ok, err := eval[bool](t, "Promise.resolve("+condition+").then(Boolean)")
		if ok {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("not within a minute: %s", condition), err)
		}
	}
}

func (t *tab) toFront() error {
	_, err := chromedp.Call(t.ctx, page.BringToFront, cdp.Empty{})
	return err
}

// forgetCache makes the next load a first visit.
func (t *tab) forgetCache() error {
	_, err := chromedp.Call(t.ctx, network.ClearBrowserCache, cdp.Empty{})
	return err
}

// isolate identifies the JavaScript engine that runs the page.
func (t *tab) isolate() (string, error) {
	result, err := chromedp.Call(t.ctx, runtime.GetIsolateID, cdp.Empty{})
	if err != nil {
		return "", err
	}
	return result.ID, nil
}
