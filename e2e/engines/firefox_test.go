//go:build !(js && wasm)

package engines

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// preferences of Firefox beside those that it sets by itself under automation.
const preferences = `
// As many processes as there are tabs of one origin. By default four, which
// further tabs share.
user_pref("dom.ipc.processCount.webIsolated", 64);
`

// A firefox is a headless Firefox by WebDriver BiDi: https://w3c.github.io/webdriver-bidi/
type firefox struct {
	conn *websocket.Conn

	mu      sync.Mutex
	last    int
	waiting map[int]chan bidiAnswer
	ended   error
}

type bidiAnswer struct {
	ID      int             `json:"id"` // 0 is an event
	Type    string          `json:"type"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
}

func startFirefox(t *testing.T, proxy string) engine {
	t.Helper()
	home := t.TempDir()
	profile := filepath.Join(home, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(preferences), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := findFirefox()
	if err != nil {
		t.Fatal(err)
	}
	browser := exec.Command(path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0", "about:blank")
	browser.Env = append(os.Environ(), "HOME="+home, "MOZ_CRASHREPORTER_DISABLE=1")
	stderr, err := browser.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	run(t, browser)
	const prefix = "WebDriver BiDi listening on "
	var address string
	lines := bufio.NewScanner(stderr)
	for address == "" && lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), prefix); ok {
			address = strings.TrimSpace(after)
		}
	}
	if address == "" {
		t.Fatalf("%s does not say %q", path, prefix)
	}
	go func() { // or it would block
		for lines.Scan() {
		}
	}()

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, address+"/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { conn.CloseNow() })
	f := &firefox{conn: conn, waiting: make(map[int]chan bidiAnswer)}
	go f.listen()
	err = f.do("session.new", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"proxy": map[string]any{"proxyType": "manual", "httpProxy": proxy, "noProxy": []string{"127.0.0.1"}},
	}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func findFirefox() (string, error) {
	for _, name := range []string{os.Getenv("FIREFOX"), "firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Firefox found, make e2e-engines installs it, or says how to")
}

func (f *firefox) open(url string) (id string, err error) {
	var created struct{ Context string }
	if err := f.do("browsingContext.create", map[string]any{"type": "tab"}, &created); err != nil {
		return "", err
	}
	return created.Context, f.do("browsingContext.navigate", map[string]any{"context": created.Context, "url": url, "wait": "complete"}, nil)
}

func (f *firefox) close(id string) error {
	return f.do("browsingContext.close", map[string]any{"context": id}, nil)
}

func (f *firefox) eval(id, expression string) (json.RawMessage, error) {
	var evaluated struct {
		Result           struct{ Value string }
		ExceptionDetails *struct{ Text string }
	}
	err := f.do("script.evaluate", map[string]any{
		"expression":   "(async () => (" + expression + "))().then(v => JSON.stringify(v ?? null))",
		"target":       map[string]any{"context": id},
		"awaitPromise": true,
	}, &evaluated)
	if err == nil && evaluated.ExceptionDetails != nil {
		err = errors.New(evaluated.ExceptionDetails.Text)
	}
	return json.RawMessage(evaluated.Result.Value), err
}

func (f *firefox) do(method string, parameters map[string]any, result any) error {
	answered := make(chan bidiAnswer, 1)
	f.mu.Lock()
	if f.ended != nil {
		f.mu.Unlock()
		return fmt.Errorf("%s: %w", method, f.ended)
	}
	f.last++
	id := f.last
	f.waiting[id] = answered
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), evalPatience)
	defer cancel()
	if err := wsjson.Write(ctx, f.conn, map[string]any{"id": id, "method": method, "params": parameters}); err != nil {
		return err
	}
	select {
	case answer, ok := <-answered:
		if !ok {
			return fmt.Errorf("%s: %w", method, f.ended)
		}
		if answer.Type != "success" {
			return fmt.Errorf("%s: %s: %s", method, answer.Error, answer.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(answer.Result, result)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// listen passes on the answers until the connection ends.
func (f *firefox) listen() {
	for {
		var answer bidiAnswer
		err := wsjson.Read(context.Background(), f.conn, &answer)
		f.mu.Lock()
		if err != nil {
			f.ended = err
			for _, waiting := range f.waiting {
				close(waiting)
			}
			f.waiting = nil
			f.mu.Unlock()
			return
		}
		if waiting, ok := f.waiting[answer.ID]; ok {
			waiting <- answer
			delete(f.waiting, answer.ID)
		}
		f.mu.Unlock()
	}
}
