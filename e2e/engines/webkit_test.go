//go:build !(js && wasm)

package engines

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A webkit is a MiniBrowser of WebKitGTK on a screen of its own, by W3C
// WebDriver: https://www.w3.org/TR/webdriver2/
type webkit struct {
	mu      sync.Mutex // a session does one thing at a time, in its current window
	session string     // URL
	first   string     // window, which stays open: a session without one opens no other
}

func startWebKit(t *testing.T, proxy string) engine {
	t.Helper()
	screen := startScreen(t)
	port := freePort(t)
	driver := exec.Command("WebKitWebDriver", "--port="+port)
	driver.Env = append(os.Environ(),
		"DISPLAY="+screen,
		"HOME="+t.TempDir(),
		"GDK_BACKEND=x11",
		"LIBGL_ALWAYS_SOFTWARE=1",
		// A virtual screen has no graphics card.
		"WEBKIT_DISABLE_COMPOSITING_MODE=1",
	)
	if os.Getuid() == 0 {
		// bubblewrap does not work as root in a container.
		driver.Env = append(driver.Env, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1")
	}
	run(t, driver)
	base := "http://127.0.0.1:" + port
	until(t, "WebKitWebDriver answers", func() error {
		response, err := http.Get(base + "/status")
		if err != nil {
			return err
		}
		return response.Body.Close()
	})

	options := map[string]any{"args": []string{"--automation"}}
	if path := miniBrowser(); path != "" {
		options["binary"] = path
	}
	w := &webkit{session: base + "/session"}
	var created struct{ SessionID string }
	err := w.do("POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"webkitgtk:browserOptions": options,
		"proxy":                    map[string]any{"proxyType": "manual", "httpProxy": proxy, "noProxy": []string{"127.0.0.1"}},
		"timeouts":                 map[string]any{"script": evalPatience.Milliseconds()},
	}}}, &created)
	if err != nil {
		t.Fatal(err)
	}
	w.session += "/" + created.SessionID
	t.Cleanup(func() { w.do("DELETE", "", nil, nil) })
	if err := w.do("GET", "/window", nil, &w.first); err != nil {
		t.Fatal(err)
	}
	return w
}

// miniBrowser returns the path of the newest MiniBrowser in Debian's places,
// or nothing: then the driver looks where it was built to.
func miniBrowser() string {
	found, _ := filepath.Glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// startScreen starts an X server without a screen, and returns its name.
func startScreen(t *testing.T) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{write}
	run(t, x)
	write.Close()
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb names no display: %v", err)
	}
	return ":" + strings.TrimSpace(number)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func (w *webkit) open(url string) (id string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.turnTo(w.first); err != nil {
		return "", err
	}
	var created struct{ Handle string }
	if err := w.do("POST", "/window/new", map[string]any{"type": "window"}, &created); err != nil {
		return "", err
	}
	if err := w.turnTo(created.Handle); err != nil {
		return "", err
	}
	return created.Handle, w.do("POST", "/url", map[string]any{"url": url}, nil)
}

func (w *webkit) close(id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.turnTo(id); err != nil {
		return err
	}
	return w.do("DELETE", "/window", nil, nil)
}

func (w *webkit) eval(id, expression string) (json.RawMessage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.turnTo(id); err != nil {
		return nil, err
	}
	var result struct{ Value, Error string }
	err := w.do("POST", "/execute/async", map[string]any{
		"script": "(async () => (" + expression + "))().then(v => arguments[0]({value: JSON.stringify(v ?? null)}), e => arguments[0]({error: String(e)}))",
		"args":   []any{},
	}, &result)
	if err == nil && result.Error != "" {
		err = errors.New(result.Error)
	}
	return json.RawMessage(result.Value), err
}

func (w *webkit) turnTo(id string) error {
	return w.do("POST", "/window", map[string]any{"handle": id}, nil)
}

// do sends a command, and decodes the value of the answer, if it is asked for.
func (w *webkit) do(method, path string, parameters, value any) error {
	var body io.Reader
	if parameters != nil {
		text, err := json.Marshal(parameters)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), evalPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, w.session+path, body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s %s: %s, %w", method, path, response.Status, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s %s", method, path, response.Status, strings.TrimSpace(string(answer.Value)))
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, value)
}
