//go:build !(js && wasm)

package processes_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

const workers = 50

// Every refresh token is presented once, however many processes wait for it,
// unless its presenter was killed: then once more, and a server with a grace
// period goes on. A server without one ends the session, which is told as what
// it is.
func TestKilledProcessesShareOneFile(t *testing.T) {
	for _, c := range []struct {
		name            string
		grace           time.Duration
		expiries, short int
	}{
		{"a server with a grace period", time.Minute, 850, 250},
		{"a strict server", 0, 150, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet(t, coordinated, authserver.Settings{
				LatencyBefore: 2 * time.Millisecond, LatencyAfter: 2 * time.Millisecond,
				GracePeriod: c.grace, AccessTokenLifetime: lifetime,
			})
			want := c.expiries
			if testing.Short() {
				want = c.short
			}
			begin := time.Now()
			for range workers {
				f.launch()
			}
			ended := 0
			nextKill := time.Now()
			for deadline := time.Now().Add(4 * time.Minute); f.expiries() < want; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d expiries only", f.expiries())
				}
				if err := f.whole(); err != nil {
					t.Fatal(err)
				}
				if time.Now().After(nextKill) {
					f.kill("")
					nextKill = time.Now().Add(rand.N(400 * time.Millisecond))
				}
				rec, err := f.store.Peek()
				if err != nil {
					t.Fatal(err)
				}
				if rec.Ended.Reason != "" {
					ended++
					if !rec.Ended.AnswerLost {
						t.Errorf("the session has ended, and not for a lost answer: %s", rec.Ended.Description)
					}
					f.signIn()
				}
			}
			took := time.Since(begin)
			f.stop()
			replays := f.replays()
			totals := f.server.Totals()
			t.Logf("%d expiries in %v: %d presentations, of which %d after a lost answer; %d of %d processes killed; %d sessions ended",
				totals.Outcomes[authserver.OutcomeRotated], took.Round(time.Millisecond), totals.Presentations, replays, len(f.killed), f.count, ended)
			if extra := totals.Presentations - totals.Outcomes[authserver.OutcomeRotated]; extra > replays+1 { // one may be pending
				t.Errorf("%d presentations more than expiries, %d of them after a lost answer", extra, replays)
			}
			if c.grace > 0 && (ended > 0 || len(totals.Revoked) > 0) {
				t.Errorf("%d sessions ended, revoked for %v", ended, totals.Revoked)
			}
			if revoked := totals.Revoked[authserver.RevokedForReuse]; revoked > replays {
				t.Errorf("%d sessions lost, %d answers lost", revoked, replays)
			}
			if replays == 0 && (c.grace > 0 || !testing.Short()) {
				t.Error("nobody was killed in mid-exchange")
			}
		})
	}
}

// What the coordination is for: without it the session is lost at once.
func TestProcessesWithoutTheLockLoseTheSession(t *testing.T) {
	for _, mode := range []string{unlocked, readThenAct} {
		t.Run(mode, func(t *testing.T) {
			f := newFleet(t, mode, authserver.Settings{
				LatencyBefore: 2 * time.Millisecond, LatencyAfter: 2 * time.Millisecond, AccessTokenLifetime: lifetime,
			})
			for range 10 {
				f.launch()
			}
			deadline := time.Now().Add(30 * time.Second)
			for f.server.Totals().Revoked[authserver.RevokedForReuse] == 0 {
				if time.Now().After(deadline) {
					t.Fatalf("not lost after %d expiries", f.expiries())
				}
				time.Sleep(5 * time.Millisecond)
			}
			t.Logf("lost after %d expiries", f.expiries())
		})
	}
}
