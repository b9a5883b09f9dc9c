//go:build !(js && wasm)

package explore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onerefresh/onerefresh"
)

// longestWait is how long a caller may have to wait, whatever happens: for the
// lock, for an exchange, for re-reads and for a write.
const longestWait = time.Minute

func (w *world) violated(format string, args ...any) {
	w.broken = append(w.broken, fmt.Sprintf(format, args...))
}

// faulty says what the faults so far explain.
type faulty struct {
	allowed   map[onerefresh.Code]bool // errors that callers may get
	lost      bool                     // an answer was lost: a strict server will end the session
	networks  map[exchange]int         // failures
	lates     int
	unwritten bool // a write has failed
	gone      int  // tabs that have crashed, or were closed
	clock     bool // the clock was set
	stale     bool // an access token came that had expired
}

// An exchange is all that a tab does to exchange one refresh token.
type exchange struct {
	tab          *tab
	refreshToken string
}

func (f *faulty) init() {
	f.allowed, f.networks = map[onerefresh.Code]bool{}, map[exchange]int{}
}

// allow says that a fault explains errors of these codes.
func (f *faulty) allow(codes ...onerefresh.Code) {
	for _, code := range codes {
		f.allowed[code] = true
	}
}

// delays counts what holds up the others for as long as an exchange may take:
// an answer that is late and, where its attempt serves as a lease, a tab that is
// gone. Two are more than the wait for the lock can bear.
func (f *faulty) delays(alone bool) int {
	if alone {
		return f.lates + f.gone
	}
	return f.lates
}

// lose says that perhaps the only copy of a refresh token does not reach
// whoever needs it.
func (f *faulty) lose() {
	f.lost = true
	f.allow(onerefresh.CodeSessionEnded)
}

// checkSend holds when a refresh token reaches the server: nobody else's
// exchange is in flight, and no tab that lives has got an answer to it.
func (w *world) checkSend(o *op) {
	for _, p := range w.ops {
		if !w.blind() && p != o && p.kind == opWait && !p.timedOut && w.server.families[p.refreshToken] == w.server.families[o.refreshToken] {
			w.violated("two exchanges in flight: %s by tab %d, %s by tab %d", p.refreshToken, p.tab.number, o.refreshToken, o.tab.number)
		}
	}
	if got := w.server.answered[o.refreshToken]; w.has(got) && !got.late {
		w.violated("tab %d presents %s, for which tab %d has got an answer", o.tab.number, o.refreshToken, got.by.number)
	}
}

// checkWrite holds when a record is replaced: generations grow, and nothing
// comes back that was signed out, replaced or ended.
func (w *world) checkWrite(old, new *onerefresh.Record) {
	if new.Generation <= old.Generation {
		w.violated("generation %d is written over %d", new.Generation, old.Generation)
	}
	signedIn := new.Epoch == new.Generation
	if hasToken(new) && new.Epoch != old.Epoch && !signedIn {
		w.violated("a record of epoch %d is written over one of epoch %d", new.Epoch, old.Epoch)
	}
	if hasToken(new) && !hasToken(old) && !signedIn {
		w.violated("a session is back that was over")
	}
	if new.Ended.Reason != "" && !hasToken(old) {
		w.violated("a session is ended that was over")
	}
	spent := old.Token.RefreshToken
	got := w.server.answered[spent]
	if new.Ended.Reason != "" && w.has(got) && w.server.good[w.server.families[spent]] != "" {
		w.violated("the session is ended, while tab %d has the token that %s was exchanged for", got.by.number, spent)
	}
}

// has reports whether the tab that got an answer still has it, and can tell.
func (w *world) has(got answered) bool {
	return got.by != nil && !got.by.dead && !got.by.closed && !w.blind()
}

// blind reports whether a tab may be unable to know of an exchange of another.
// Where a lock reaches one tab only, nobody sees that of a tab that keeps a
// token, and the lease that takes its place goes by the clock.
func (w *world) blind() bool {
	return w.scope.alone && (w.faulty.unwritten || w.faulty.clock)
}

func hasToken(r *onerefresh.Record) bool { return r.Token.RefreshToken != "" }

// checkResult holds when a caller is answered.
func (w *world) checkResult(c *caller) {
	if c.tab.dead {
		return
	}
	if waited := time.Since(c.began); waited > longestWait {
		w.violated("a caller of tab %d waited for %v", c.tab.number, waited)
	}
	var e *onerefresh.Error
	if w.failedEarly() && errors.As(c.err, &e) && slices.Contains(passing, e.Code) {
		w.violated("a caller of tab %d got %v, while there is a token that has not expired", c.tab.number, c.err)
	}
	switch {
	case c.err == nil:
		if !w.server.tokens[c.token.AccessToken] {
			w.violated("a caller of tab %d got %q, which nobody issued", c.tab.number, c.token.AccessToken)
		}
		if c.token.AccessToken == c.rejected {
			w.violated("a caller of tab %d got %q again, which was refused", c.tab.number, c.rejected)
		}
		if !w.faulty.clock && !w.faulty.stale && !time.Now().Before(c.token.Expiry) {
			w.violated("a caller of tab %d got %q, which has expired", c.tab.number, c.token.AccessToken)
		}
	case !errors.As(c.err, &e):
		w.violated("a caller of tab %d got an error without a code: %v", c.tab.number, c.err)
	case c.gaveUp && e.Code == onerefresh.CodeAborted:
	case c.tab.closed && e.Code == onerefresh.CodeClosed:
	case e.Code == onerefresh.CodeLockTimeout && w.faulty.delays(w.scope.alone) > 1:
	case !w.faulty.allowed[e.Code]:
		w.violated("a caller of tab %d got %v", c.tab.number, c.err)
	case e.Code == onerefresh.CodeSessionEnded:
		w.checkEnded(c.tab, e.Ended)
	}
	if c.err != nil {
		w.checkText(c.err)
	}
}

// passing are the codes of what is nobody's problem before the token expires.
var passing = []onerefresh.Code{onerefresh.CodeTemporarilyUnavailable, onerefresh.CodeLockTimeout, onerefresh.CodeMisconfigured}

// failedEarly reports whether an error came before the first token expired.
func (w *world) failedEarly() bool {
	first := w.record.Token
	return w.scope.early && !w.scope.rejected && !w.faulty.clock && first.AccessToken == "a1" && time.Now().Before(first.Expiry)
}

// checkEnded holds when a caller learns that the session is over: all learn
// the same, and it is said if an answer was lost. Nobody can
// know it of an answer that came late and was stored when another tab had
// presented the same refresh token again: that its family is over shows only
// when the token that came late is presented itself.
func (w *world) checkEnded(t *tab, ended onerefresh.Ended) {
	if !ended.AnswerLost && (w.faulty.lates == 0 && !w.blind() || w.server.orphans == 0) {
		w.violated("tab %d is not told that an answer was lost: %+v", t.number, ended)
	}
	if w.record.Ended.Reason != "" && w.record.Ended != ended {
		w.violated("tab %d is told %+v, and the record says %+v", t.number, ended, w.record.Ended)
	}
}

// checkText holds for every text that we make.
func (w *world) checkText(err error) {
	text := err.Error()
	for secret := range w.server.families {
		if strings.Contains(text, secret) {
			w.violated("a text gives %s away: %s", secret, text)
		}
	}
	for secret := range w.server.tokens {
		if strings.Contains(text, secret) {
			w.violated("a text gives %s away: %s", secret, text)
		}
	}
}

// event is called as a page's handler is.
func (t *tab) event(e onerefresh.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e.Kind)
	if e.Err != nil {
		t.checkText(e.Err)
	}
	if t.holder[t.lockName(sessionName)] == t {
		t.violated("tab %d has an event delivered under the lock: %s", t.number, e.Kind)
	}
}

// checkEnd holds when all has come to rest.
func (w *world) checkEnd() {
	if w.server.reused > 0 && !w.faulty.lost {
		w.violated("the server saw %d spent refresh tokens", w.server.reused)
	}
}

// outcome describes a world at rest: what callers got, and what is left.
func (w *world) outcome() string {
	var b strings.Builder
	for _, c := range w.callers {
		fmt.Fprintf(&b, "%d: %s %v %v; ", c.tab.number, c.token.AccessToken, c.err, c.tab.events)
	}
	fmt.Fprintf(&b, "%d exchanges, %s", w.server.exchanges, w.record.Token.AccessToken)
	return b.String()
}
