//go:build !(js && wasm)

// Exec runs a Go program that was compiled for js/wasm in Chromium, as a
// program for the flag -exec of go test:
//
//	go build -o bin/chromium-exec ./internal/chromium/exec
//	GOOS=js GOARCH=wasm go test -exec "$PWD/bin/chromium-exec" ./jsbridge ./locks
//
// It has to be built first, and natively: go run would inherit GOOS. The path
// has to be absolute, as a test runs in the folder of its package.
//
// The program gets its arguments, and of the environment GODEBUG and what
// begins with ONEREFRESH_; Go on js/wasm has room for some kilobytes of both.
// There is no file system. What it writes goes to standard output and error,
// and what the page writes to its console to standard error. Exec ends with the
// program's exit code, or with 1 after a message that begins with "exec:".
//
// The flag -origin says what kind of page it is:
//
//	secure     a potentially trustworthy origin, which has all there is (the default)
//	insecure   an origin without what needs a secure context, such as navigator.locks
//	opaque     a sandboxed page, whose origin is opaque: it is refused all storage
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/onerefresh/onerefresh/internal/chromium"
)

//go:embed page.html
var page []byte

func main() {
	origin := flag.String("origin", "secure", "kind of the page's origin: secure, insecure or opaque")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: exec [-origin kind] program.wasm [argument...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	defer stop()
	code, err := run(ctx, *origin, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "exec:", err)
		code = 1
	}
	os.Exit(code)
}

// run runs argv[0] and returns its exit code.
func run(ctx context.Context, origin string, argv []string) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if timeout := timeout(argv); timeout > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errors.New("the program neither ends nor heeds its timeout"))
		defer cancel()
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	url, flags := fmt.Sprintf("http://127.0.0.1:%d/", port), []chromium.Option(nil)
	header := make(http.Header)
	switch origin {
	case "secure":
	case "insecure":
		url = fmt.Sprintf("http://onerefresh.test:%d/", port)
		flags = append(flags, chromedp.Flag("host-resolver-rules", "MAP onerefresh.test 127.0.0.1"))
	case "opaque":
		header.Set("Content-Security-Policy", "sandbox allow-scripts")
		header.Set("Access-Control-Allow-Origin", "*") // its own files are of another origin to it
	default:
		return 0, fmt.Errorf("unknown kind of origin %q", origin)
	}
	handler, err := files(argv, header)
	if err != nil {
		return 0, err
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	defer server.Close()

	browser, end, err := chromium.Start(ctx, flags...)
	if err != nil {
		return 0, err
	}
	defer end()

	exit := make(chan outcome, 1)
	report := func(o outcome) {
		select {
		case exit <- o:
		default: // the first counts
		}
	}
	// In this order: what the page has written is written when it has exited.
	if err := chromedp.Listen(browser, func(event any) {
		switch event := event.(type) {
		case *runtime.EventBindingCalled:
			if event.Name == "host" {
				host(event.Payload, report)
			}
		case *inspector.EventTargetCrashed:
			report(outcome{err: errors.New("the page crashed")})
		}
	}); err != nil {
		return 0, err
	}
	go func() {
		for message, err := range chromedp.Console(browser) {
			if err == nil {
				fmt.Fprintln(os.Stderr, "console:", message)
			}
		}
	}()
	if _, err := chromedp.Call(browser, runtime.AddBinding, runtime.AddBindingParams{Name: "host"}); err != nil {
		return 0, err
	}
	if err := chromedp.Do(browser, chromedp.Navigate(url)); err != nil {
		return 0, err
	}
	select {
	case o := <-exit:
		return o.code, o.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-browser.Done():
		return 0, errors.New("the browser ended")
	}
}

type outcome struct {
	code int
	err  error
}

// host does what the page asks for.
func host(payload string, report func(outcome)) {
	var call struct {
		Write *int   // file descriptor
		Data  []byte // in base64
		Exit  *int
		Fatal string
	}
	switch err := json.Unmarshal([]byte(payload), &call); {
	case err != nil:
		report(outcome{err: err})
	case call.Write != nil && *call.Write == 1:
		os.Stdout.Write(call.Data)
	case call.Write != nil:
		os.Stderr.Write(call.Data)
	case call.Exit != nil:
		report(outcome{code: *call.Exit})
	default:
		report(outcome{err: errors.New(call.Fatal)})
	}
}

// files serves the page, the program argv[0], and what it takes to run it.
func files(argv []string, header http.Header) (http.Handler, error) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	support := filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js")
	for _, name := range []string{argv[0], support} {
		if _, err := os.Stat(name); err != nil {
			return nil, err
		}
	}
	start, err := json.Marshal(map[string]any{"argv": argv, "env": environment()})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	mux.HandleFunc("GET /start.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(start)
	})
	mux.HandleFunc("GET /wasm_exec.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, support)
	})
	mux.HandleFunc("GET /program.wasm", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/wasm")
		http.ServeFile(w, r, argv[0])
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		mux.ServeHTTP(w, r)
	}), nil
}

func environment() map[string]string {
	env := make(map[string]string)
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if name == "GODEBUG" || strings.HasPrefix(name, "ONEREFRESH_") {
			env[name] = value
		}
	}
	return env
}

// timeout returns the time after which a test would have ended itself, had it
// a way to. The flag -test.timeout does nothing where Go has no turn any more.
func timeout(argv []string) time.Duration {
	for _, arg := range argv[1:] {
		if value, ok := strings.CutPrefix(arg, "-test.timeout="); ok {
			if timeout, err := time.ParseDuration(value); err == nil && timeout > 0 {
				return timeout + 10*time.Second
			}
		}
	}
	return 0
}
