package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/internal/tokenlog"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// accessLog writes the combined log of what it serves, with milliseconds.
type accessLog struct {
	http.Handler
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *accessLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := &statusWriter{w, http.StatusOK}
	l.Handler.ServeHTTP(s, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	host, _, _ := strings.Cut(r.RemoteAddr, ":")
	fmt.Fprintf(&l.out, "%s - - [%s] %q %d 0 \"-\" %q\n", host, time.Now().Format("02/Jan/2006:15:04:05.000 -0700"),
		r.Method+" "+r.URL.Path+" "+r.Proto, s.status, r.UserAgent())
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

type agent string

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", string(a))
	return http.DefaultTransport.RoundTrip(r)
}

const (
	users     = 3
	processes = 5
)

// What detect says of the log of a server whose users have five processes each,
// which find their access token stale at the same moment.
func TestDetectOnARealLog(t *testing.T) {
	for name, tc := range map[string]struct {
		refresh func(t *testing.T, dir string, refresher onerefresh.Refresher, first onerefresh.Response)
		status  int
		want    tokenlog.Counts
	}{
		"the published pattern": {publishedPattern, race, tokenlog.Counts{Race: users}},
		"onerefresh":            {coordinated, noRace, tokenlog.Counts{}},
	} {
		t.Run(name, func(t *testing.T) {
			auth := authserver.New(authserver.Settings{LatencyBefore: 50 * time.Millisecond})
			t.Cleanup(auth.Close)
			log := &accessLog{Handler: auth}
			server := httptest.NewServer(log)
			t.Cleanup(server.Close)
			var group sync.WaitGroup
			for user := range users {
				grant := auth.OpenGrant(fmt.Sprint("user", user), time.Hour)
				first := onerefresh.Response{AccessToken: grant.AccessToken, RefreshToken: grant.RefreshToken} // stale
				refresher := endpoint.Refresher(&oauth2.Config{ClientID: authserver.ClientID, Endpoint: oauth2.Endpoint{
					TokenURL: server.URL + "/token", AuthStyle: oauth2.AuthStyleInParams,
				}}, &http.Client{Transport: agent(fmt.Sprint("browser of user ", user))})
				dir := t.TempDir()
				group.Go(func() { tc.refresh(t, dir, refresher, first) })
			}
			group.Wait()
			server.Close()

			file := filepath.Join(t.TempDir(), "access.log")
			if err := os.WriteFile(file, log.out.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			var out, diagnostics bytes.Buffer
			// A busy machine may take a while from the first request to the last.
			if status := run([]string{"detect", "-json", "-window", "20s", file}, nil, &out, &diagnostics); status != tc.status {
				t.Errorf("status %d, want %d\n%s%s", status, tc.status, &diagnostics, log.out.String())
			}
			var report tokenlog.Report
			if err := json.Unmarshal(out.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			if report.Clusters != tc.want || report.Granted != users {
				t.Errorf("got %s\n%s", out.String(), log.out.String())
			}
		})
	}
}

// publishedPattern: each process looks at the shared file, and refreshes if
// what it finds there is stale. All look at the same moment.
func publishedPattern(t *testing.T, _ string, refresher onerefresh.Refresher, first onerefresh.Response) {
	var group, looked sync.WaitGroup
	looked.Add(processes)
	for range processes {
		group.Go(func() {
			shared := first // read
			looked.Done()
			looked.Wait()
			_, err := refresher.Refresh(t.Context(), shared.RefreshToken)
			var refusal *onerefresh.RefreshError
			if err != nil && !errors.As(err, &refusal) {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func coordinated(t *testing.T, dir string, refresher onerefresh.Refresher, first onerefresh.Response) {
	var group sync.WaitGroup
	for i := range processes {
		store, err := stores.File(filepath.Join(dir, "session.json"))
		if err != nil {
			t.Error(err)
			return
		}
		locker, err := locks.File(dir)
		if err != nil {
			t.Error(err)
			return
		}
		session, err := onerefresh.Open(onerefresh.Options{Name: "session", Store: store, Locker: locker, Refresher: refresher})
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(session.Close)
		if i == 0 {
			if err := session.SignIn(t.Context(), first); err != nil {
				t.Error(err)
				return
			}
		}
		group.Go(func() {
			if token, err := session.Token(context.Background()); err != nil || token.AccessToken == first.AccessToken {
				t.Errorf("got %v", err)
			}
		})
	}
	group.Wait()
}

const raceLog = `{"time":"2026-11-21T12:00:00.000Z","client_id":"spa","user":"alice","grant_type":"refresh_token","status":200}
{"time":"2026-11-21T12:00:00.040Z","client_id":"spa","user":"alice","grant_type":"refresh_token","status":400,"error":"invalid_grant"}
`

func TestStatus(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	lost, quiet, other := file("race", raceLog), file("quiet", strings.SplitAfter(raceLog, "\n")[0]), file("other", "hello\n")
	for _, tc := range []struct {
		args []string
		in   string
		want int
		says string // in what is printed, or in the diagnostics
	}{
		{[]string{"detect", lost}, "", race, "This is the race: 1 times"},
		{[]string{"detect", "--json", lost}, "", race, `"race": true`},
		{[]string{"detect", quiet}, "", noRace, "No race was found"},
		{[]string{"detect", "-window", "10ms", lost}, "", noRace, "No race was found"},
		{[]string{"detect", "-"}, raceLog, race, "alice"},
		{[]string{"detect", quiet, lost}, "", race, "alice"},
		{[]string{"detect", other}, "", trouble, "no record tells of a refresh token"},
		{[]string{"detect", filepath.Join(dir, "missing")}, "", trouble, "missing"},
		{[]string{"detect", dir}, "", trouble, dir},
		{[]string{"detect"}, "", trouble, "exit status: 0 no race"},
		{[]string{"detect", "-help"}, "", trouble, "exit status: 0 no race"},
		{[]string{"detect", "-nonsense", lost}, "", trouble, "-nonsense"},
		{[]string{"deflect", lost}, "", trouble, "usage:"},
		{nil, "", trouble, "usage:"},
	} {
		var out, diagnostics bytes.Buffer
		if status := run(tc.args, strings.NewReader(tc.in), &out, &diagnostics); status != tc.want || !strings.Contains(out.String()+diagnostics.String(), tc.says) {
			t.Errorf("%q: status %d, want %d\n%s%s", tc.args, status, tc.want, &out, &diagnostics)
		}
	}
}

// A log has what anybody sent: a terminal gets no escapes from it.
func TestTerminalGetsNoEscapes(t *testing.T) {
	log := strings.ReplaceAll(raceLog, "alice", `\u001b[2Jalice\u009b`)
	var out bytes.Buffer
	if status := run([]string{"detect", "-"}, strings.NewReader(log), &out, &out); status != race || strings.ContainsAny(out.String(), "\x1b\u009b") {
		t.Errorf("status %d: %q", status, out.String())
	}
}
