//go:build !(js && wasm)

package handoff

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
)

// patience bounds everything that a test waits for.
const patience = 3 * time.Minute

// insecureHost is this machine, which no browser trusts by that name.
const insecureHost = "handoff.test"

// A browser is one with a profile of its own, and the server of its pages.
type browser struct {
	*testing.T
	ctx context.Context
	url string // ends in a slash
}

// with returns b for a subtest.
func (b *browser) with(t *testing.T) *browser { return &browser{t, b.ctx, b.url} }

func start(t *testing.T) *browser {
	t.Helper()
	pages, err := Pages(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	ctx, end, err := chromium.Start(context.Background(),
		chromedp.Flag("js-flags", "--allow-natives-syntax"),
		chromedp.Flag("host-resolver-rules", "MAP "+insecureHost+" 127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return &browser{t, ctx, server.URL + "/"}
}

// A tab is one with a page of ours.
type tab struct {
	*browser
	ctx   context.Context
	close context.CancelFunc
}

// open opens an address, which is relative to that of the server, in a new tab.
func (b *browser) open(address string) *tab {
	b.Helper()
	t := b.attach()
	if !strings.Contains(address, ":") {
		address = b.url + address
	}
	// Of a tab without a history, which may close itself.
	eval[any](t, fmt.Sprintf("location.replace(%q)", address))
	t.wait("ready")
	return t
}

// opened returns the tab that a page opens, and can reach.
func (b *browser) opened(by *tab) *tab {
	b.Helper()
	eval[any](by, fmt.Sprintf("void open(%q)", b.url))
	var id target.ID
	for deadline := time.Now().Add(patience); id == ""; <-time.After(5 * time.Millisecond) {
		all, err := chromedp.Targets(b.ctx)
		if err != nil {
			b.Fatal(err)
		}
		for _, info := range all {
			if info.OpenerID == chromedp.FromContext(by.ctx).Target.TargetID {
				id = info.TargetID
			}
		}
		if time.Now().After(deadline) {
			b.Fatal("the page opens no tab")
		}
	}
	t := b.attach(chromedp.WithTargetID(id))
	t.wait("ready")
	return t
}

// attach attaches to a tab, which is a new one without options.
func (b *browser) attach(options ...chromedp.ContextOption) *tab {
	b.Helper()
	ctx, end := chromedp.NewContext(b.ctx, options...)
	b.Cleanup(end)
	// The first use decides how long the tab lives: as long as ctx.
	if err := chromedp.Do(ctx); err != nil {
		b.Fatal(err)
	}
	return &tab{b, ctx, end}
}

// apart fails the test if two of the tabs share a renderer process, and with
// it a copy of localStorage.
func (b *browser) apart(tabs ...*tab) {
	b.Helper()
	engines := make(map[string]bool)
	for _, t := range tabs {
		engines[t.engine()] = true
	}
	if len(engines) != len(tabs) {
		b.Fatalf("%d tabs share %d renderer processes", len(tabs), len(engines))
	}
}

// engine identifies the JavaScript engine that runs the page. A process has one
// for all its pages.
func (t *tab) engine() string {
	t.Helper()
	id, err := chromedp.Run(t.ctx, func(ctx context.Context, target *chromedp.Target) (string, error) {
		result, err := cdp.Call(ctx, target, runtime.GetIsolateID, cdp.Empty{})
		return result.ID, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// eval returns what a JavaScript expression, or the promise that it is, amounts
// to.
func eval[T any](t *tab, expression string) T {
	t.Helper()
	value, err := try[T](t, expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func try[T any](t *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// wait waits until an expression is true.
func (t *tab) wait(expression string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(5 * time.Millisecond) {
		// In a page that is going, it fails.
		ok, err := try[bool](t, "Promise.resolve("+expression+").then(Boolean)")
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s (%v)", patience, expression, err)
		}
	}
}
