//go:build !(js && wasm)

package redis_test

import (
	"fmt"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/redisserver"
	"github.com/onerefresh/onerefresh/redis"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// A stage is an authorization server, and users who have signed in with access
// tokens that are stale.
type stage struct {
	t        *testing.T
	redis    *redisserver.Server
	auth     *authserver.Server
	tokenURL string
	client   *redis.Client
	grants   []string // of each session
}

func newStage(t *testing.T, keeps redisserver.Persistence, settings authserver.Settings, sessions int) *stage {
	t.Helper()
	s := &stage{t: t, redis: startRedis(t, keeps), auth: authserver.New(settings)}
	web := httptest.NewServer(s.auth)
	t.Cleanup(web.Close)
	t.Cleanup(s.auth.Close)
	s.tokenURL = web.URL + "/token"
	s.client = open(t, options(s.redis.Addr))
	s.grants = make([]string, sessions)
	for i := range s.grants {
		s.signIn(i)
	}
	return s
}

func (s *stage) signIn(i int) {
	s.t.Helper()
	session, err := newSession(s.client, i, s.tokenURL, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer session.Close()
	granted := s.auth.OpenGrant(sessionName(i), 0)
	s.grants[i] = granted.Grant
	if err := session.SignIn(s.t.Context(), onerefresh.Response{AccessToken: granted.AccessToken, RefreshToken: granted.RefreshToken}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) orders() orders {
	return orders{Redis: s.redis.Addr, TokenURL: s.tokenURL, Sessions: len(s.grants), LockExpiry: patience}
}

// presented is how often the refresh tokens of a session were.
func (s *stage) presented(i int) []authserver.Presentation {
	ledger, _ := s.auth.Ledger(s.grants[i])
	return ledger.Presentations
}

// once reports an error unless each session was refreshed by one presentation.
func (s *stage) once() {
	s.t.Helper()
	totals := s.auth.Totals()
	if n := len(s.grants); totals.Presentations != n || totals.Outcomes[authserver.OutcomeRotated] != n {
		s.t.Errorf("%d presentations for %d sessions: %v", totals.Presentations, n, totals.Outcomes)
	}
	s.nobodySignedOut()
}

func (s *stage) nobodySignedOut() {
	s.t.Helper()
	if totals := s.auth.Totals(); len(totals.Revoked) > 0 || totals.Unknown > 0 {
		s.t.Errorf("revoked for %v, %d unknown refresh tokens", totals.Revoked, totals.Unknown)
	}
}

// same reports an error unless all callers got the same token of each session.
func (s *stage) same(answers ...[]answer) {
	s.t.Helper()
	for i := range s.grants {
		for w := range answers {
			if a := answers[w][i]; a.Token == "" || a.Token != answers[0][i].Token {
				s.t.Fatalf("%s: worker %d got %+v, worker 0 %+v", sessionName(i), w, a, answers[0][i])
			}
		}
	}
}

func TestFleetRefreshesEachSessionOnce(t *testing.T) {
	const workers = 8
	sessions := 1000
	if raceDetector() { // with it each process takes ten times as long
		sessions = 200
	}
	s := newStage(t, redisserver.Nothing, authserver.Settings{LatencyBefore: 5 * time.Millisecond}, sessions)
	fleet := make([]*worker, workers)
	for i := range fleet {
		fleet[i] = startWorker(t, s.orders())
	}
	begin := time.Now()
	for _, w := range fleet {
		w.ask()
	}
	answers := make([][]answer, workers)
	for i, w := range fleet {
		answers[i] = w.answers()
	}
	took := time.Since(begin)
	admin := newConsole(t, s.redis.Addr)
	t.Logf("%d sessions in %d processes: %v, %d scripts, %d reads", sessions, workers, took.Round(time.Millisecond), admin.calls("evalsha"), admin.calls("hmget"))
	s.same(answers...)
	s.once()
}

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// Redis is killed while hundreds of exchanges are under way.
func TestRedisIsKilledAndRestarted(t *testing.T) {
	const workers, sessions = 3, 100
	for _, c := range []struct {
		name  string
		keeps redisserver.Persistence
		loses bool
	}{
		{"appendfsync everysec", redisserver.EverySecond, false},
		{"appendfsync always", redisserver.Always, false},
		{"no persistence", redisserver.Nothing, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, c.keeps, authserver.Settings{LatencyAfter: 300 * time.Millisecond}, sessions)
			o := s.orders()
			if c.loses {
				o.ExchangeTimeout = time.Second // who waits for a peer's attempt that is lost waits so much longer
			}
			fleet := make([]*worker, workers)
			for i := range fleet {
				fleet[i] = startWorker(t, o)
			}
			for _, w := range fleet {
				w.ask()
			}
			eventually(t, "a third of the sessions is being refreshed", func() bool { return s.auth.Totals().Presentations > sessions/3 })
			s.redis.Kill()
			if err := s.redis.Restart(); err != nil {
				t.Fatal(err)
			}
			for _, w := range fleet {
				for i, a := range w.answers() {
					switch {
					case a.Code == "" && a.Token != "", a.Code == onerefresh.CodeTemporarilyUnavailable:
					case a.Code == onerefresh.CodeSignedOut && c.loses:
					default:
						t.Errorf("%s: %+v", sessionName(i), a)
					}
				}
			}
			if c.loses {
				s.signedOut(fleet)
				return
			}
			var answers [][]answer
			for _, w := range fleet {
				w.ask()
				answers = append(answers, w.answers())
			}
			s.same(answers...)
			s.once()
		})
	}
}

// signedOut reports an error unless everybody is, and can sign in again.
func (s *stage) signedOut(fleet []*worker) {
	s.t.Helper()
	presentations := s.auth.Totals().Presentations
	for i, w := range fleet {
		eventually(s.t, "all callers of a worker are told that they are signed out", func() bool {
			w.ask()
			n := 0
			for _, a := range w.answers() {
				if a.Code == onerefresh.CodeSignedOut {
					n++
				}
			}
			return n == len(s.grants)
		})
		if n := s.auth.Totals().Presentations; n != presentations {
			s.t.Errorf("worker %d: refresh tokens were presented %d times after that", i, n-presentations)
		}
	}
	s.signIn(0)
	for _, w := range fleet {
		w.ask()
		a := w.answers()[0]
		if a.Token == "" {
			s.t.Errorf("after a sign-in: %+v", a)
		}
	}
	if n := len(s.presented(0)); n != 1 {
		s.t.Errorf("after a sign-in there are %d presentations", n)
	}
}

// A process is frozen while the token endpoint has its refresh token, and wakes
// when its lock has expired, and a peer has had it. The attempt on record is
// what keeps the peer from sending the refresh token again.
func TestFrozenHolderWhoseLockExpiredIsWaitedFor(t *testing.T) {
	s := newStage(t, redisserver.Nothing, authserver.Settings{LatencyAfter: 500 * time.Millisecond}, 1)
	admin := newConsole(t, s.redis.Addr)
	o := s.orders()
	o.LockExpiry = 200 * time.Millisecond
	frozen, peer := startWorker(t, o), startWorker(t, o)
	frozen.ask()
	s.freeze(admin, frozen)

	released := admin.calls("del")
	peer.ask()
	// The lock of a kept record, and that of the session.
	eventually(t, "the peer has had the lock", func() bool { return admin.calls("del") >= released+2 })
	time.Sleep(200 * time.Millisecond) // for what it must not do
	if n := len(s.presented(0)); n != 1 {
		t.Errorf("%d presentations while the holder is frozen", n)
	}
	frozen.signal("CONT")
	s.same(frozen.answers(), peer.answers())
	s.once()
}

// freeze stops the holder when the endpoint has its refresh token, and waits
// until its lock has expired.
func (s *stage) freeze(admin console, w *worker) {
	s.t.Helper()
	eventually(s.t, "the refresh token is presented", func() bool { return len(s.presented(0)) == 1 })
	w.signal("STOP")
	eventually(s.t, "the lock has expired", func() bool {
		return admin.number("EXISTS", "onerefresh:lock:"+sessionName(0)) == 0
	})
}

// The process sleeps for longer than an attempt is respected. The peer has
// refreshed the session, in the grace period of the server.
func TestWriteOfAHolderWhoSleptTooLongIsRefused(t *testing.T) {
	s := newStage(t, redisserver.Nothing, authserver.Settings{LatencyAfter: 300 * time.Millisecond, GracePeriod: time.Minute}, 1)
	admin := newConsole(t, s.redis.Addr)
	o := s.orders()
	o.LockExpiry, o.ExchangeTimeout = 200*time.Millisecond, time.Second
	frozen, peer := startWorker(t, o), startWorker(t, o)
	frozen.ask()
	s.freeze(admin, frozen)
	peer.ask()
	answers := peer.answers()
	before, err := admin.do("HGETALL", "onerefresh:session:"+sessionName(0)).AsStrMap()
	if err != nil {
		t.Fatal(err)
	}
	frozen.signal("CONT")
	s.same(answers, frozen.answers())
	after, err := admin.do("HGETALL", "onerefresh:session:"+sessionName(0)).AsStrMap()
	if err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the record was of generation %s, and is of %s; error %v", before["g"], after["g"], err)
	}
	if all := s.presented(0); len(all) != 2 || all[0].Outcome != authserver.OutcomeRotated || all[1].Outcome != authserver.OutcomeGrace {
		t.Errorf("presentations: %+v", all)
	}
	s.nobodySignedOut()
}

// partitioned returns a session behind a network.
func (s *stage) partitioned() (*onerefresh.Session, *proxy) {
	s.t.Helper()
	network := newProxy(s.t, s.redis.Addr)
	opts := options(network.Addr)
	opts.Timeout = 500 * time.Millisecond
	session, err := newSession(open(s.t, opts), 0, s.tokenURL, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(session.Close)
	s.t.Cleanup(network.heal) // first
	return session, network
}

func TestPartitionIsAnErrorInBoundedTime(t *testing.T) {
	s := newStage(t, redisserver.Nothing, authserver.Settings{}, 1)
	session, network := s.partitioned()
	network.stall()
	begin := time.Now()
	a := ask(session)
	if a.Code != onerefresh.CodeTemporarilyUnavailable {
		t.Errorf("the caller got %+v", a)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := len(s.presented(0)); n != 0 {
		t.Errorf("the refresh token was presented %d times", n)
	}
	network.heal()
	eventually(t, "the session goes on", func() bool { a = ask(session); return a.Token != "" })
	network.stall()
	if b := ask(session); b != a {
		t.Errorf("the caller got %+v, whose token was valid", b)
	}
	s.once()
}

// The answer of the token endpoint cannot be written. Its callers get it, and
// the others wait until it is.
func TestPartitionDuringAnExchangeLosesNoAnswer(t *testing.T) {
	s := newStage(t, redisserver.Nothing, authserver.Settings{LatencyAfter: 100 * time.Millisecond}, 1)
	session, network := s.partitioned()
	peer, err := newSession(s.client, 0, s.tokenURL, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	got := make(chan answer, 2)
	go func() { got <- ask(session) }()
	eventually(t, "the refresh token is presented", func() bool { return len(s.presented(0)) == 1 })
	network.stall()
	first := <-got
	go func() { got <- ask(peer) }()
	time.Sleep(200 * time.Millisecond) // for what the peer must not do
	network.heal()
	s.same([]answer{first}, []answer{<-got})
	s.once()
}

// What the documentation says of a Redis that has lost writes. It may do so
// while a process has yet to see the answer to a later write.
func TestRecordThatIsBackAtASpentRefreshToken(t *testing.T) {
	const sessions = 300
	for _, grace := range []time.Duration{0, time.Minute} {
		t.Run("grace period "+grace.String(), func(t *testing.T) {
			s := newStage(t, redisserver.Nothing, authserver.Settings{GracePeriod: grace}, sessions)
			admin := newConsole(t, s.redis.Addr)
			var all [sessions]*onerefresh.Session
			var first [sessions]onerefresh.Token
			var loss sync.WaitGroup
			for i := range sessions {
				key := "onerefresh:session:" + sessionName(i)
				backup, err := admin.do("DUMP", key).ToString()
				if err != nil {
					t.Fatal(err)
				}
				if all[i], err = newSession(s.client, i, s.tokenURL, 0); err != nil {
					t.Fatal(err)
				}
				defer all[i].Close()
				loss.Go(func() {
					if first[i], err = all[i].Token(t.Context()); err != nil {
						t.Error(err)
					}
					if err := admin.Do(t.Context(), admin.B().Restore().Key(key).Ttl(0).SerializedValue(backup).Replace().Build()).Error(); err != nil {
						t.Error(err)
					}
				})
			}
			loss.Wait()
			var last [sessions]answer
			eventually(t, "the older records are noticed, and their sessions end or go on", func() bool {
				var round sync.WaitGroup
				for i, session := range all {
					round.Go(func() { last[i] = ask(session) })
				}
				round.Wait()
				for i, a := range last {
					if grace == 0 && a.Code != onerefresh.CodeSessionEnded || grace > 0 && (a.Token == "" || a.Token == first[i].AccessToken) {
						return false
					}
				}
				return true
			})
		})
	}
}
