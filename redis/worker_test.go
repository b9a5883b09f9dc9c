//go:build !(js && wasm)

package redis_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/redis"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// envOrders is set for a process that is a server of the fleet.
const envOrders = "ONEREFRESH_TEST_FLEET"

// Orders are what a worker is told at its start.
type orders struct {
	Redis, TokenURL string
	Sessions        int
	LockExpiry      time.Duration
	ExchangeTimeout time.Duration
}

// An answer is what a caller in a worker got.
type answer struct {
	Token string
	Code  onerefresh.Code // empty if there was no error
	Error string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(envOrders); text != "" {
		var o orders
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		if err := work(o); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		return
	}
	if os.Getenv(fleetRedis) != "" {
		fmt.Fprintln(os.Stderr, serve())
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func sessionName(i int) string { return "user " + strconv.Itoa(i) }

func newSession(c *redis.Client, i int, tokenURL string, exchangeTimeout time.Duration) (*onerefresh.Session, error) {
	return onerefresh.Open(onerefresh.Options{
		Name: sessionName(i), Store: c.Store(sessionName(i)), Locker: c.Locker(),
		Refresher: endpoint.Refresher(&oauth2.Config{ClientID: authserver.ClientID, Endpoint: oauth2.Endpoint{
			TokenURL: tokenURL, AuthStyle: oauth2.AuthStyleInParams,
		}}, nil),
		ExchangeTimeout: exchangeTimeout,
	})
}

// work asks for the token of every session, all at the same time, whenever there
// is a line on standard input, and answers with a line.
func work(o orders) error {
	opts := options(o.Redis)
	opts.LockExpiry = o.LockExpiry
	c, err := redis.Open(opts)
	if err != nil {
		return err
	}
	sessions := make([]*onerefresh.Session, o.Sessions)
	for i := range sessions {
		if sessions[i], err = newSession(c, i, o.TokenURL, o.ExchangeTimeout); err != nil {
			return err
		}
	}
	fmt.Println(`[]`) // ready
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		answers := make([]answer, len(sessions))
		var wg sync.WaitGroup
		for i, s := range sessions {
			wg.Go(func() { answers[i] = ask(s) })
		}
		wg.Wait()
		if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
			return err
		}
	}
	return nil
}

func ask(s *onerefresh.Session) answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	token, err := s.Token(ctx)
	a := answer{Token: token.AccessToken}
	if err != nil {
		a.Error = err.Error()
		var e *onerefresh.Error
		if errors.As(err, &e) {
			a.Code = e.Code
		}
	}
	return a
}

// A worker is such a process, as the test sees it.
type worker struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.Writer
	said *bufio.Reader
}

func startWorker(t *testing.T, o orders) *worker {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{t: t, cmd: exec.Command(self)}
	w.cmd.Env = append(os.Environ(), envOrders+"="+string(text), "GOMAXPROCS=1")
	w.cmd.Stderr = os.Stderr
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.said = bufio.NewReader(out)
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.cmd.Process.Kill()
		w.cmd.Wait()
	})
	w.answers()
	return w
}

// ask has the worker ask for the token of every session.
func (w *worker) ask() {
	w.t.Helper()
	if _, err := io.WriteString(w.in, "\n"); err != nil {
		w.t.Fatal(err)
	}
}

// answers waits for what its callers got.
func (w *worker) answers() (all []answer) {
	w.t.Helper()
	line, err := w.said.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &all)
	}
	if err != nil {
		w.t.Fatalf("a worker says %q: %v", line, err)
	}
	return all
}

// signal sends STOP or CONT. Package syscall does not have them everywhere.
func (w *worker) signal(name string) {
	w.t.Helper()
	if err := exec.Command("kill", "-"+name, strconv.Itoa(w.cmd.Process.Pid)).Run(); err != nil {
		w.t.Fatal(err)
	}
}
