//go:build !(js && wasm)

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// A witness sees what goes over the wire between the tabs of a soak and the
// token endpoint, what the callers in the tabs got, and what befell them.
type witness struct {
	auth *authserver.Server

	mu            sync.Mutex
	presentations []*presentation
	issued        map[string]issue // by access token
	granted       map[string]*granted
	calls         []report
	gone          map[string][]time.Time // when a load of a page was ended, by its name
	troubled      map[string][]interval  // when it was offline or frozen
	signedOut     []interval             // when nobody may be signed in
	calm          time.Time              // from when on nothing may fail, if set
	wrong         []string               // found while it ran
}

// An interval is when something befell a tab, or all of them.
type interval struct {
	kind     string
	from, to time.Time
}

func (i interval) overlaps(from, to time.Time) bool { return !i.from.After(to) && !i.to.Before(from) }

// A presentation is one refresh token in one request.
type presentation struct {
	by               string // the load of the page that sent it
	refresh          string
	arrived, written time.Time // written is zero while there is no answer
	status           int       // 0 if the connection was reset
	failure          string    // the error code of the answer
	access, next     string    // what a good answer grants
	grace            bool      // the server had a grace period then
}

func (p *presentation) good() bool { return p.access != "" || p.next != "" }

func (p *presentation) permanent() bool { return p.failure == "invalid_grant" }

// An issue is what is known of an access token.
type issue struct {
	grant string
	at    time.Time // no later than this
}

// granted is one sign-in.
type granted struct {
	name  string
	first string // its refresh token
	from  time.Time
	until time.Time // zero while it goes on
}

// A report is what a page says.
type report struct {
	Type     string `json:"type"`
	By       string `json:"by"`
	At       int64  `json:"at"`    // Unix time in ms, as are the other times
	Begin    int64  `json:"begin"` // of a call
	Token    string `json:"token"`
	Received int64  `json:"received"` // when the token came, if that is known
	Code     string `json:"code"`
	Message  string `json:"message"`
	Typed    bool   `json:"typed"`
	Aborting bool   `json:"aborting"` // the caller may have given up
	Stalled  int64  `json:"stalled"`  // for how long the page did not run, in ms
	Oldest   int64  `json:"oldest"`   // for how long a caller has been waiting, in ms
}

func (r report) begin() time.Time { return time.UnixMilli(r.Begin) }
func (r report) end() time.Time   { return time.UnixMilli(r.At) }

func (r report) String() string {
	what := r.Code + " (" + r.Message + ")"
	if r.Token != "" {
		what = "a token"
	}
	return fmt.Sprintf("%s: %.8s got %s after %v", r.end().Format(clockFormat), r.By, what, r.end().Sub(r.begin()))
}

const clockFormat = "15:04:05.000"

func newWitness(auth *authserver.Server) *witness {
	return &witness{
		auth:     auth,
		issued:   make(map[string]issue),
		granted:  make(map[string]*granted),
		gone:     make(map[string][]time.Time),
		troubled: make(map[string][]interval),
	}
}

// watch puts the witness in front of the token endpoint.
func (w *witness) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" || r.Method != http.MethodPost {
			next.ServeHTTP(rw, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		if err != nil || form.Get("refresh_token") == "" {
			return // nobody got as far as to send one
		}
		settings := w.auth.Settings()
		p := &presentation{
			by:      r.FormValue("by"),
			refresh: form.Get("refresh_token"),
			arrived: time.Now(),
			grace:   settings.GracePeriod > 0,
		}
		r.Body = io.NopCloser(bytes.NewReader(body)) // FormValue has read it
		r.Form, r.PostForm = nil, nil
		w.mu.Lock()
		w.presentations = append(w.presentations, p)
		w.mu.Unlock()
		c := &copied{ResponseWriter: rw}
		defer func() { w.answered(p, c, settings.LatencyAfter) }()
		next.ServeHTTP(c, r)
	})
}

func (w *witness) answered(p *presentation, c *copied, latency time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.written = time.Now()
	p.status = c.status
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Grant   string `json:"grant"`
		Error   string `json:"error"`
	}
	if json.Unmarshal(c.body.Bytes(), &answer) != nil {
		return
	}
	p.failure = answer.Error
	if c.status != http.StatusOK {
		return
	}
	p.access, p.next = answer.Access, answer.Refresh
	if p.access != "" {
		w.issued[p.access] = issue{answer.Grant, p.written.Add(-latency)}
	}
}

// copied is a ResponseWriter that keeps what was written.
type copied struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (c *copied) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *copied) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *copied) Write(b []byte) (int, error) {
	c.body.Write(b)
	return c.ResponseWriter.Write(b)
}

func (w *witness) open(user string) authserver.TokenResponse {
	response := w.auth.OpenGrant(user, soakLifetime)
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.issued[response.AccessToken] = issue{response.Grant, now}
	w.granted[response.Grant] = &granted{name: response.Grant, first: response.RefreshToken, from: now}
	return response
}

// hear takes what a page says. It returns what is wrong with it at once.
func (w *witness) hear(r report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Type == "call" {
		w.calls = append(w.calls, r)
	}
	if hang := time.Duration(r.Oldest) * time.Millisecond; hang > soakPatience && !w.inTrouble(r.By, r.end().Add(-hang), r.end()) {
		w.wrong = append(w.wrong, fmt.Sprintf("%s: a caller in %.8s has been waiting for %v", r.end().Format(clockFormat), r.By, hang))
	}
}

// inTrouble reports whether the tab was gone, offline or frozen for a while of
// that time.
func (w *witness) inTrouble(by string, from, to time.Time) bool {
	for _, t := range w.gone[by] {
		if !t.Before(from) && !t.After(to) {
			return true
		}
	}
	for _, i := range w.troubled[by] {
		if i.overlaps(from, to) {
			return true
		}
	}
	return false
}

// any reports whether some tab was in that kind of trouble for a while of that
// time.
func (w *witness) any(kind string, from, to time.Time) bool {
	for _, all := range w.troubled {
		for _, i := range all {
			if i.kind == kind && i.overlaps(from, to) {
				return true
			}
		}
	}
	return false
}

// reconcile returns what nothing explains. typed says whether the callers'
// errors have codes.
func (w *witness) reconcile(typed bool) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	wrong := slices.Clone(w.wrong)
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	totals := w.auth.Totals()
	if totals.Unknown > 0 {
		complain("%d refresh tokens were sent that the server never issued", totals.Unknown)
	}
	if totals.Presentations != len(w.presentations) {
		complain("the server's ledger has %d presentations, and %d were seen", totals.Presentations, len(w.presentations))
	}
	w.reconcilePresentations(complain)
	if typed {
		ended := make(map[*granted]time.Time) // first
		of := w.families()
		for _, p := range w.presentations {
			if g := of[p.refresh]; p.permanent() && ended[g].IsZero() {
				ended[g] = p.arrived
			}
		}
		for _, r := range w.calls {
			if problem := w.unexplained(r, ended); problem != "" {
				complain("%v: %s", r, problem)
			}
		}
	}
	return wrong
}

// reconcilePresentations looks at each refresh token that was presented more
// than once.
func (w *witness) reconcilePresentations(complain func(format string, args ...any)) {
	presented := make(map[string]time.Time) // first
	again := make(map[string][]*presentation)
	for _, p := range w.presentations {
		if _, ok := presented[p.refresh]; !ok {
			presented[p.refresh] = p.arrived
		}
		again[p.refresh] = append(again[p.refresh], p)
	}
	delivered := make(map[string]time.Time) // first
	for _, r := range w.calls {
		if t, ok := delivered[r.Token]; r.Token != "" && (!ok || r.end().Before(t)) {
			delivered[r.Token] = r.end()
		}
	}
	received := func(p *presentation, before time.Time) bool {
		for _, t := range []time.Time{presented[p.next], delivered[p.access]} {
			if !t.IsZero() && t.Before(before) {
				return true
			}
		}
		return false
	}
	for _, all := range again {
		for i, p := range all[1:] {
			before := all[i]
			say := func(problem string) {
				complain("%s: %.8s presented the refresh token that %.8s had presented at %s: %s",
					p.arrived.Format(clockFormat), p.by, before.by, before.arrived.Format(clockFormat), problem)
			}
			switch {
			case before.good() && before.next == "": // the server did not rotate it
			case before.written.IsZero() || before.written.Sub(before.arrived) > soakTimeout:
				if p.arrived.Sub(began(all[:i+1])) < soakTimeout-arrival && !w.lostBy(before, p.arrived) {
					say("that was under way")
				}
			case p.arrived.Before(before.written) && !w.lostBy(before, p.arrived):
				say("that was under way")
			case before.good() && received(before, p.arrived):
				say("its answer had been received")
			case (before.good() || before.permanent()) && !w.lostBy(before, p.arrived):
				say(fmt.Sprintf("its answer (status %d, %q) was not lost", before.status, before.failure))
			case p.permanent() && p.grace && before.good():
				say("the server refused it within its grace period")
			}
		}
	}
}

// arrival is how long a request takes to arrive, at most: the time for an
// exchange begins before that.
const arrival = time.Second

// began returns when the exchange began of which the last presentation was
// part: after a failure of the network a tab presents once more, at once.
func began(all []*presentation) time.Time {
	last := len(all) - 1
	if last > 0 && all[last-1].by == all[last].by && all[last].arrived.Sub(all[last-1].arrived) < soakTimeout {
		last--
	}
	return all[last].arrived
}

// lostBy reports whether something befell the sender that explains how an
// answer may have got lost by then.
func (w *witness) lostBy(p *presentation, then time.Time) bool {
	until := p.arrived.Add(10 * time.Second)
	if then.Before(until) {
		until = then
	}
	return w.inTrouble(p.by, p.arrived, until)
}

// families returns the sign-ins by their refresh tokens.
func (w *witness) families() map[string]*granted {
	of := make(map[string]*granted)
	for _, g := range w.granted {
		of[g.first] = g
	}
	for _, p := range w.presentations { // in the order of their arrival
		if p.next != "" {
			of[p.next] = of[p.refresh]
		}
	}
	return of
}

// aftermath is for how long a failure keeps everyone from the endpoint, at most.
const aftermath = 35 * time.Second

// soakSlack is for how long a tab's view of storage may be old, on a machine
// that is busy with ten of them.
const soakSlack = 2 * time.Second

// unexplained says what is wrong with what a caller got, or nothing.
func (w *witness) unexplained(r report, ended map[*granted]time.Time) string {
	begin, end := r.begin(), r.end()
	if r.Token != "" {
		return w.unexplainedToken(r)
	}
	if !r.Typed {
		return "that is no OneRefreshError"
	}
	if !w.calm.IsZero() && begin.After(w.calm) && r.Code != "aborted" {
		return "nothing was wrong any more"
	}
	switch r.Code {
	case "aborted":
		if !r.Aborting {
			return "the caller did not give up"
		}
	case "signed_out":
		for _, i := range w.signedOut {
			if i.overlaps(begin.Add(-soakSlack), end) {
				return ""
			}
		}
		return "somebody was signed in"
	case "session_ended":
		for g, t := range ended {
			if t.Before(end) && w.inForce(g, begin, end) {
				return ""
			}
		}
		return "the server had not said so"
	case "temporarily_unavailable":
		for _, p := range w.presentations {
			if !p.good() && !p.permanent() && p.arrived.Before(end) && p.arrived.After(begin.Add(-aftermath)) {
				return ""
			}
		}
		if w.any("offline", begin.Add(-aftermath), end) {
			return ""
		}
		return "nothing had failed"
	case "misconfigured":
		for _, p := range w.presentations {
			if p.good() && p.access == "" && p.arrived.Before(end) && p.arrived.After(begin.Add(-aftermath)) {
				return ""
			}
		}
		return "no answer was broken"
	case "lock_timeout":
		// Each holder that dies or is not answered takes its time.
		if w.any("frozen", begin, end) || w.any("gone", begin, end) || w.any("throttled", begin, end) {
			return ""
		}
		for _, p := range w.presentations {
			if slow := p.written.IsZero() || p.written.Sub(p.arrived) > soakTimeout; slow && p.arrived.Before(end) && p.arrived.After(begin.Add(-soakTimeout)) {
				return ""
			}
		}
		return "no holder was slow"
	case "wasm_unavailable":
		if !w.inTrouble(r.By, begin.Add(-soakPatience), end) {
			return "the tab was not offline"
		}
	default:
		return "that must not happen"
	}
	return ""
}

func (w *witness) inForce(g *granted, begin, end time.Time) bool {
	return !g.from.After(end) && (g.until.IsZero() || !g.until.Before(begin.Add(-soakSlack)))
}

func (w *witness) unexplainedToken(r report) string {
	issued, ok := w.issued[r.Token]
	if !ok {
		return "the server did not issue it"
	}
	g := w.granted[issued.grant]
	if g == nil || !w.inForce(g, r.begin(), r.end()) {
		return "it is of a sign-in that was over"
	}
	late := r.end().Sub(issued.at.Add(soakLifetime))
	if late <= 0 {
		return ""
	}
	// An access token lives from when it came, as far as a tab can know; during
	// a cooldown it is handed out to the very end.
	const handover = 250 * time.Millisecond
	stalled := time.Duration(r.Stalled) * time.Millisecond
	slow := time.Duration(0)
	if r.Received > 0 {
		slow = max(0, time.UnixMilli(r.Received).Sub(issued.at))
	}
	if late < slow+stalled+handover || w.inTrouble(r.By, r.begin(), r.end()) {
		return ""
	}
	return fmt.Sprintf("it had expired %v before (it took %v to come, the page stalled for %v)", late, slow, stalled)
}

func (w *witness) errorCodes() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := make(map[string]int)
	for _, r := range w.calls {
		if r.Token == "" {
			n[r.Code]++
		}
	}
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s %d", code, n[code]))
	}
	return strings.Join(parts, ", ")
}
