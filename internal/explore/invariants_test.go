//go:build !(js && wasm)

package explore

import (
	"errors"
	"fmt"
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

// allow says that a fault explains errors of these codes.
func (w *world) allow(codes ...onerefresh.Code) {
	for _, code := range codes {
		w.allowed[code] = true
	}
}

// loseAnswer says that o, and with it perhaps the only copy of a refresh
// token, does not reach its tab.
func (w *world) loseAnswer(o *op) {
	w.lost = true
	w.allow(onerefresh.CodeSessionEnded)
}

// checkSend holds when a refresh token reaches the server: nobody else's
// exchange is in flight, and no tab that lives has got an answer to it.
func (w *world) checkSend(o *op) {
	for _, p := range w.ops {
		if p != o && p.kind == opWait && !p.timedOut && w.server.families[p.refreshToken] == w.server.families[o.refreshToken] {
			w.violated("two exchanges in flight: %s by tab %d, %s by tab %d", p.refreshToken, p.tab.number, o.refreshToken, o.tab.number)
		}
	}
	if got := w.server.answered[o.refreshToken]; got.by != nil && !got.by.dead && !got.late {
		w.violated("tab %d presents %s, for which tab %d has got an answer", o.tab.number, o.refreshToken, got.by.number)
	}
}

// checkWrite holds when a record is replaced: generations grow, and nothing
// comes back that was signed out, replaced or ended.
func (w *world) checkWrite(old, new onerefresh.Record) {
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
	spent := old.Token.RefreshToken
	got := w.server.answered[spent]
	if new.Ended.Reason != "" && got.by != nil && !got.by.dead && w.server.good[w.server.families[spent]] != "" {
		w.violated("the session is ended, while tab %d has the token that %s was exchanged for", got.by.number, spent)
	}
}

func hasToken(r onerefresh.Record) bool { return r.Token.RefreshToken != "" }

// checkResult holds when a caller is answered.
func (w *world) checkResult(c *caller) {
	if c.tab.dead {
		return
	}
	if waited := time.Since(c.began); waited > longestWait {
		w.violated("a caller of tab %d waited for %v", c.tab.number, waited)
	}
	var e *onerefresh.Error
	switch {
	case c.err == nil:
		if !w.server.tokens[c.token.AccessToken] {
			w.violated("a caller of tab %d got %q, which nobody issued", c.tab.number, c.token.AccessToken)
		}
		if w.skew == 0 && !time.Now().Before(c.token.Expiry) {
			w.violated("a caller of tab %d got %q, which has expired", c.tab.number, c.token.AccessToken)
		}
	case !errors.As(c.err, &e):
		w.violated("a caller of tab %d got an error without a code: %v", c.tab.number, c.err)
	case c.gaveUp && e.Code == onerefresh.CodeAborted:
	case e.Code == onerefresh.CodeSessionEnded && w.allowed[e.Code] && !w.untold && !e.Ended.AnswerLost:
		w.violated("a caller of tab %d is not told that an answer was lost: %v", c.tab.number, c.err)
	case !w.allowed[e.Code]:
		w.violated("a caller of tab %d got %v", c.tab.number, c.err)
	}
}

// checkEnd holds when all has come to rest.
func (w *world) checkEnd() {
	if w.server.reused > 0 && !w.lost {
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
