//go:build !(js && wasm)

package processes_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// lifetime is that of an access token.
const lifetime = 40 * time.Millisecond

// A fleet is a number of workers, their credential file and their server.
type fleet struct {
	t      *testing.T
	mode   string
	path   string
	server *authserver.Server
	url    string

	// session is the parent's, to sign in with.
	session *onerefresh.Session
	store   *stores.FileStore

	mu            sync.Mutex
	workers       map[string]*exec.Cmd      // alive, by name
	killed        map[string]time.Time      // just before the signal
	presentations map[string][]presentation // of each refresh token
	stopping      bool
	count         int
	wg            sync.WaitGroup
}

type presentation struct {
	worker  string
	arrived time.Time
}

func newFleet(t *testing.T, mode string, settings authserver.Settings) *fleet {
	t.Helper()
	f := &fleet{
		t: t, mode: mode, path: filepath.Join(t.TempDir(), "credentials.json"),
		server:  authserver.New(settings),
		workers: make(map[string]*exec.Cmd), killed: make(map[string]time.Time), presentations: make(map[string][]presentation),
	}
	web := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(web.Close)
	t.Cleanup(f.server.Close)
	t.Cleanup(f.stop) // first
	f.url = web.URL
	var err error
	if f.store, err = stores.File(f.path); err != nil {
		t.Fatal(err)
	}
	locker, err := locks.File(filepath.Dir(f.path))
	if err != nil {
		t.Fatal(err)
	}
	f.session, err = onerefresh.Open(onerefresh.Options{
		Name: "alice", Store: f.store, Locker: locker, Refresher: endpoint.Refresher(nil, nil), // it only signs in
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.session.Close)
	f.signIn()
	return f
}

func (f *fleet) signIn() {
	f.t.Helper()
	granted := f.server.OpenGrant("alice", lifetime)
	if err := f.session.SignIn(f.t.Context(), onerefresh.Response{
		AccessToken: granted.AccessToken, RefreshToken: granted.RefreshToken, ExpiresIn: lifetime,
	}); err != nil {
		f.t.Fatal(err)
	}
}

// serve notes who presents what, and now and then kills who does.
func (f *fleet) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		p := presentation{r.Header.Get(header), time.Now()}
		token := r.PostFormValue("refresh_token")
		f.mu.Lock()
		f.presentations[token] = append(f.presentations[token], p)
		kills := f.mode == coordinated && rand.IntN(25) == 0
		f.mu.Unlock()
		if kills {
			time.AfterFunc(rand.N(12*time.Millisecond), func() { f.kill(p.worker) })
		}
	}
	f.server.ServeHTTP(w, r)
}

// launch starts a worker, and another one whenever that was killed.
func (f *fleet) launch() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopping {
		return
	}
	f.count++
	name := fmt.Sprint(f.count)
	self, err := os.Executable()
	if err != nil {
		f.t.Error(err)
		return
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envMode+"="+f.mode, envFile+"="+f.path, envToken+"="+f.url+"/token", envName+"="+name, "GOMAXPROCS=1")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		f.t.Error(err)
		return
	}
	f.workers[name] = cmd
	f.wg.Go(func() {
		cmd.Wait()
		f.mu.Lock()
		delete(f.workers, name)
		_, killed := f.killed[name]
		f.mu.Unlock()
		if !killed && f.mode == coordinated {
			f.t.Errorf("worker %s ended: %s", name, said.String())
		}
		if f.mode == coordinated {
			f.launch()
		}
	})
}

// kill kills a worker of that name, or any if there is no name.
func (f *fleet) kill(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopping {
		return
	}
	if name == "" {
		for name = range f.workers {
			break // in no order
		}
	}
	f.end(name)
}

// end kills a worker, if there is one of that name. It may be dead, and not yet
// be waited for: then it stays dead since the first time. mu is held.
func (f *fleet) end(name string) {
	cmd := f.workers[name]
	if _, dead := f.killed[name]; cmd == nil || dead {
		return
	}
	f.killed[name] = time.Now()
	cmd.Process.Kill()
}

func (f *fleet) stop() {
	f.mu.Lock()
	f.stopping = true
	for name := range f.workers {
		f.end(name)
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// expiries is how many access tokens were replaced.
func (f *fleet) expiries() int { return f.server.Totals().Outcomes[authserver.OutcomeRotated] }

// whole reports an error unless the file is a whole record.
func (f *fleet) whole() error {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	var rec struct{ V, Generation int }
	if err := json.Unmarshal(text, &rec); err != nil || rec.V != 1 || rec.Generation == 0 {
		return fmt.Errorf("the file has %d bytes: %v", len(text), err)
	}
	return nil
}

// replays returns how often a refresh token was presented again. It reports
// those that were presented while an earlier presenter was alive.
func (f *fleet) replays() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, all := range f.presentations {
		for i, p := range all[1:] {
			n++
			before := all[i]
			if at, ok := f.killed[before.worker]; !ok || at.After(p.arrived) {
				f.t.Errorf("worker %s presents a refresh token that %s presented %v before, and lives", p.worker, before.worker, p.arrived.Sub(before.arrived))
			}
		}
	}
	return n
}
