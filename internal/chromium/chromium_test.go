//go:build !(js && wasm)

package chromium_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
)

func TestFindHeedsTheEnvironment(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CHROMIUM", program)
	if path, err := chromium.Find(); err != nil || path != program {
		t.Errorf("Find() = %s, %v", path, err)
	}
	t.Setenv("CHROMIUM", filepath.Join(t.TempDir(), "none"))
	if path, err := chromium.Find(); err == nil || !strings.Contains(err.Error(), "CHROMIUM") {
		t.Errorf("Find() = %s, %v; want an error that names CHROMIUM, though there may be others", path, err)
	}
}

func TestStart(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	browser, end, err := chromium.Start(t.Context(), chromedp.UserAgent("onerefresh-test"))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if agent, err := chromedp.Run(browser, chromedp.Evaluate[string](`navigator.userAgent`)); err != nil || agent != "onerefresh-test" {
		t.Errorf("the user agent is %q, %v: the option has no effect", agent, err)
	}

	for range 5 {
		tab, _ := chromedp.NewContext(browser)
		if err := chromedp.Do(tab); err != nil {
			t.Fatal(err)
		}
	}
	if n := renderers(t, browser); n < 6 { // there may be one to spare
		t.Errorf("6 tabs have %d renderers", n)
	}

	end()
	if browser.Err() == nil {
		t.Error("the context of the browser has not ended")
	}
	left, err := os.ReadDir(temporary)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s is left", entry.Name())
	}
}

// renderers returns how many renderer processes there are.
func renderers(t *testing.T, browser context.Context) (n int) {
	t.Helper()
	info, err := chromedp.CallBrowser(browser, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range info.ProcessInfo {
		if process.Type == "renderer" {
			n++
		}
	}
	return n
}

func TestStartFails(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CHROMIUM", program) // which does not know the flags, and ends
	if _, _, err := chromium.Start(t.Context()); err == nil || !strings.Contains(err.Error(), program) {
		t.Errorf("error %v, want one that names the program", err)
	}
}
