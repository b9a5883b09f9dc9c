//go:build !(js && wasm)

package engines

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/internal/npmbuild"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
	"github.com/onerefresh/onerefresh/web/demo/site"
)

// patience bounds what a test waits for, evalPatience what it asks a page to do.
const (
	patience     = time.Minute
	evalPatience = 3 * time.Minute
)

// besideCompiler is that of the module which every other tab has instead.
var besideCompiler = flag.String("beside", "", "the `compiler` of the module that every other tab has; all the same if empty")

// dist has the package, with the module of the compiler that the environment
// variable COMPILER names, and beside, if it is not empty, with that of
// besideCompiler.
var dist, beside string

func TestMain(m *testing.M) {
	log.SetFlags(0)
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	flag.Parse()
	temporary, err := os.MkdirTemp("", "onerefresh")
	if err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(temporary)
	dist = filepath.Join(temporary, "dist")
	err = npmbuild.Into(dist)
	if err == nil && *besideCompiler != "" {
		beside = filepath.Join(temporary, "beside")
		err = npmbuild.Into(beside, "-compiler", *besideCompiler)
	}
	if err != nil {
		log.Print(err)
		return 1
	}
	return m.Run()
}

// An engine is a browser that runs, with a profile of its own.
type engine interface {
	// open opens a page in a new tab or window.
	open(url string) (id string, err error)
	close(id string) error
	// eval returns the JSON of what a JavaScript expression, or the promise that
	// it is, amounts to.
	eval(id, expression string) (json.RawMessage, error)
}

// insecureHost is this machine, by a name that no browser trusts like https.
const insecureHost = "demo.test"

// A stage is the server of the demonstration, and a browser.
type stage struct {
	*testing.T
	engine engine
	auth   *authserver.Server
	url    string
}

func newStage(t *testing.T, start func(t *testing.T, proxy string) engine) *stage {
	t.Helper()
	auth := authserver.New(authserver.Settings{LatencyBefore: 50 * time.Millisecond})
	t.Cleanup(auth.Close)
	mux := http.NewServeMux()
	mux.Handle("/", site.Handler(auth, dist))
	if beside != "" {
		mux.Handle("/beside/", http.StripPrefix("/beside", site.Handler(auth, beside)))
	}
	url := serve(t, mux)
	// As a proxy, the server answers by any name but that of the machine.
	return &stage{t, start(t, strings.TrimPrefix(url, "http://")), auth, url}
}

// with returns s for a subtest.
func (s *stage) with(t *testing.T) *stage { return &stage{t, s.engine, s.auth, s.url} }

func serve(t *testing.T, handler http.Handler) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// insecure returns the address of the server at insecureHost.
func insecure(url string) string { return strings.Replace(url, "127.0.0.1", insecureHost, 1) }

// version returns that of the browser.
func (s *stage) version() string {
	s.Helper()
	return eval[string](s.open(s.url+"/favicon.ico"), `navigator.userAgent`) // no tab of a storm
}

// A page is one tab, or window.
type page struct {
	*stage
	id string
}

// open opens a page, which is closed when the test ends.
func (s *stage) open(url string) *page {
	s.Helper()
	id, err := s.engine.open(url)
	if err != nil {
		s.Fatalf("%s: %v", url, err)
	}
	s.Cleanup(func() {
		if err := s.engine.close(id); err != nil {
			s.Error(err)
		}
	})
	return &page{s, id}
}

// openTabs opens the control page and n tabs, each in a process of its own, and
// waits until it knows them.
func (s *stage) openTabs(n int, path string) (control *page, tabs []*page) {
	s.Helper()
	control = s.open(s.url + "/")
	for i := range n {
		root := s.url
		if i%2 == 1 && beside != "" {
			root += "/beside"
		}
		tabs = append(tabs, s.open(root+path))
	}
	control.wait(fmt.Sprintf("window.demo && demo.tabs() >= %d", n))
	if !s.apart(9, control, tabs...) {
		s.Fatal("some of the tabs share a process")
	}
	return control, tabs
}

func eval[T any](p *page, expression string) T {
	p.Helper()
	value, err := try[T](p, expression)
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return value
}

func try[T any](p *page, expression string) (value T, err error) {
	text, err := p.engine.eval(p.id, expression)
	if err != nil {
		return value, err
	}
	return value, json.Unmarshal(text, &value)
}

// all evaluates an expression in all pages at once: a driver may do but one
// thing at a time.
func all[T any](pages []*page, expression string) (values []T) {
	for _, p := range pages {
		p.Helper()
		eval[any](p, "void (globalThis.pending = "+expression+")")
	}
	for _, p := range pages {
		values = append(values, eval[T](p, "pending"))
	}
	return values
}

// wait waits until an expression is true.
func (p *page) wait(expression string) {
	p.Helper()
	until(p.T, expression, func() error {
		ok, err := try[bool](p, "Promise.resolve("+expression+").then(Boolean)")
		if err == nil && !ok {
			err = errors.New("it is false")
		}
		return err
	})
}

// until tries something again until it succeeds.
func until(t *testing.T, what string, try func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s: %v", patience, what, err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// run starts a program, which ends with the test.
func run(t *testing.T, program *exec.Cmd) {
	t.Helper()
	program.WaitDelay = time.Second // for what it leaves behind
	if err := program.Start(); err != nil {
		t.Fatalf("%v: make e2e-engines installs it, or says how to", err)
	}
	t.Cleanup(func() {
		program.Process.Kill()
		program.Wait()
	})
}
