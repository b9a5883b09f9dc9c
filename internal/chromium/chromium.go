//go:build !(js && wasm)

// Package chromium finds and starts the browser of the tests.
package chromium

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
)

// Find returns the path of a Chromium. The environment variable CHROMIUM, if
// set, names it; otherwise it is the first that is found under its usual names
// and in its usual places.
func Find() (path string, err error) {
	if name := os.Getenv("CHROMIUM"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("CHROMIUM=%s: %w", name, err)
		}
		return path, nil
	}
	for _, name := range usual() {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium found: " + remedy())
}

func usual() []string {
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}
	switch runtime.GOOS {
	case "darwin":
		for _, app := range []string{"Chromium", "Google Chrome"} {
			names = append(names, filepath.Join("/Applications", app+".app", "Contents/MacOS", app))
		}
	case "windows":
		for _, variable := range []string{"ProgramFiles", "ProgramFiles(x86)", "LocalAppData"} {
			for _, app := range []string{`Chromium`, `Google\Chrome`} {
				names = append(names, filepath.Join(os.Getenv(variable), app, `Application\chrome.exe`))
			}
		}
	}
	return names
}

func remedy() string {
	const otherwise = ", or set CHROMIUM to the path of a Chromium or Chrome"
	switch runtime.GOOS {
	case "linux":
		return "install the package of that name (Debian: apt-get install chromium)" + otherwise
	case "darwin":
		return "install it (Homebrew: brew install --cask chromium)" + otherwise
	case "windows":
		return "install it (winget install Hibbiki.Chromium)" + otherwise
	}
	return "install it" + otherwise
}

// An Option changes how the browser is started, by [chromedp.Flag] mostly.
type Option = chromedp.ExecAllocatorOption

// Unthrottled is an [Option] that spares tabs in the background what a user's
// tabs have to live with: timers that fire once a second, and a renderer of
// low priority.
func Unthrottled(a *chromedp.ExecAllocator) {
	for _, flag := range []string{
		"disable-background-timer-throttling",
		"disable-backgrounding-occluded-windows",
		"disable-renderer-backgrounding",
	} {
		chromedp.Flag(flag, true)(a)
	}
}

// Start starts a headless browser with a profile of its own and returns the
// context of its first tab. [chromedp.NewContext] of that context opens another
// tab, in a renderer process of its own. As root it runs without sandbox, for
// it does not run otherwise.
//
// The browser ends with ctx or with end, which returns when nothing is left of
// it. It may be called more than once.
func Start(ctx context.Context, opts ...Option) (browser context.Context, end func(), err error) {
	path, err := Find()
	if err != nil {
		return nil, nil, err
	}
	opts = append([]Option{
		chromedp.ExecPath(path),
		chromedp.Headless,
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.DisableGPU,
		// Nothing leaves the machine, and no traffic but that of the test
		// competes for it.
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-quic", true),
		// With each tab Chromium would load pages of its own user interface, which
		// nobody sees.
		chromedp.Flag("disable-features", "Translate,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,PreloadTopChromeWebUI"),
		// /dev/shm of a container is too small for many tabs.
		chromedp.Flag("disable-dev-shm-usage", true),
		// No keyring that asks for a password.
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("use-mock-keychain", true),
		// Tabs are opened by the dozen.
		chromedp.Flag("disable-popup-blocking", true),
	}, opts...)
	// To end it by the end of its context is to kill it, which leaves files.
	allocator, freed := chromedp.NewExecAllocator(context.WithoutCancel(ctx), opts...)
	browser, _ = chromedp.NewContext(allocator)
	if err := chromedp.Do(browser); err != nil {
		freed()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	end = sync.OnceFunc(func() {
		patience, done := context.WithTimeout(browser, 10*time.Second)
		defer done()
		chromedp.Cancel(patience)
		freed()
	})
	context.AfterFunc(ctx, end)
	return browser, end, nil
}
