//go:build !(js && wasm)

package main

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A document is docs/bench.md as it is written.
type document struct {
	strings.Builder
	r      *results
	peers  []peer
	charts string // folder
}

func report(r *results, all []peer, docs string) error {
	charts := filepath.Join(docs, "bench")
	if err := os.MkdirAll(charts, 0o777); err != nil {
		return err
	}
	p := &document{r: r, peers: all, charts: charts}
	p.WriteString(`# In a page, against others

Written by ` + "`make bench`" + `. Each peer is bundled, minified and served with brotli as a
page of its own would be; the script of each is in [e2e/bench/peers](../e2e/bench/peers),
and does what the documentation of the peer says. All have the authorization
server of the demonstration, which answers after 50 ms, rotates refresh tokens and
detects their reuse strictly; what shape a peer wants its answers in, it gets. Peers
are measured in turns. Figures are medians, with the range in brackets.

`)
	for _, part := range []func() error{p.summary, p.sizes, p.start, p.hot, p.lost, p.times, p.memory} {
		if err := part(); err != nil {
			return err
		}
	}
	p.notes()
	return os.WriteFile(filepath.Join(docs, "bench.md"), []byte(p.String()), 0o666)
}

func (p *document) row(cells ...string) { fmt.Fprintf(p, "| %s |\n", strings.Join(cells, " | ")) }

func (p *document) head(cells ...string) {
	p.row(cells...)
	p.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
}

func (p *document) measured(part string) {
	if on := p.r.Machine[part]; on != "" {
		fmt.Fprintf(p, "\n%s.\n", on)
	}
}

// figure draws a chart and shows it.
func (p *document) figure(name, title string, draw func(path, title string) error) error {
	fmt.Fprintf(p, "![%s](bench/%s)\n\n", title, name)
	return draw(filepath.Join(p.charts, name), title)
}

// spread is a median with its range.
func spread(values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (%s–%s)", short(median(values)), short(slices.Min(values)), short(slices.Max(values)))
}

// short has two or three digits that say something.
func short(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func ratio(a, b float64) string {
	if math.IsNaN(a / b) {
		return "–"
	}
	return strconv.FormatFloat(a/b, 'f', 2, 64)
}

func (p peer) class() string {
	switch {
	case p.ours():
		return "ours"
	case p.Floor:
		return "floor"
	}
	return "bar"
}

// An aim is a ratio to be reached, and why it may not be.
type aim struct {
	what   string
	most   float64
	reason string
}

var (
	aimStorm = aim{"the last of 20 tabs has its token, in times of a lone exchange", 1.3,
		`All wake at the same moment, on two cores: the floor below is what that alone takes,
with no lock and the tab that refreshes named beforehand. Beyond it the request waits
for three trips through the browser: to go ahead, to lock, and to put the attempt on
record. The published pattern has one of these, and loses sessions. One trip less
would help ([design.md](design.md) says what came of that), and functions that the
browser compiles before their first call; most of all more cores, as in 50 tabs there
is more to wake than two can do in the time of an exchange.`}
	aimHot = aim{"a call with a valid token, in times of the fastest other that reads storage each time", 1,
		"The loader reads and judges the record on each call."}
	aimStored = aim{"start to the stored token, in times of auth0-spa-js", 1,
		"The loader alone answers, of the same code with each compiler's module."}
	aimRefreshed = aim{"start to a refreshed token, in times of auth0-spa-js", 1.5,
		`The module has to be fetched, compiled and started before it can refresh: that of
the standard compiler is twelve times as large as the one that npm has.`}
)

func (p *document) summary() error {
	p.WriteString("## In short\n\n")
	p.head("", "aim", "measured")
	var missed []aim
	row := func(a aim, q peer, also string, ratios ...float64) {
		var measured []string
		for _, r := range ratios {
			measured = append(measured, ratio(r, 1))
			if r > a.most && !slices.Contains(missed, a) {
				missed = append(missed, a)
			}
		}
		p.row(a.what+also+", "+q.Short, strconv.FormatFloat(a.most, 'f', -1, 64), strings.Join(measured, " and "))
	}
	for _, q := range p.peers {
		if !q.ours() {
			continue
		}
		var storms, lost int
		for _, byPeer := range p.r.Storms {
			if s := byPeer[q.Name]; s != nil {
				storms += s.First.Storms + s.Second.Storms
				lost += s.First.Lost + s.Second.Lost
			}
		}
		if storms > 0 {
			p.row("sessions lost, "+q.Short, "0", fmt.Sprintf("%d of %d storms", lost, storms))
		}
		if s := p.r.Storms[20]; s != nil && s[q.Name] != nil {
			row(aimStorm, q, "", s[q.Name].last()/s[lone].firstTab())
		}
		if h := p.r.Hot[q.Name]; h != nil {
			best, of := math.Inf(1), ""
			for _, other := range p.peers {
				if o := p.r.Hot[other.Name]; o != nil && !other.ours() && o.NoticesToken && o.NoticesLogout && !other.Events && median(o.Calls) < best {
					best, of = median(o.Calls), other.Short
				}
			}
			if of != "" {
				row(aimHot, q, " ("+of+")", median(h.Calls)/best)
			}
		}
		if a, b := p.r.Start[q.Name], p.r.Start["auth0"]; a != nil && b != nil {
			row(aimStored, q, ", cold and warm", median(a.ValidCold)/median(b.ValidCold), median(a.ValidWarm)/median(b.ValidWarm))
			row(aimRefreshed, q, ", cold and warm", median(a.ExpiredCold)/median(b.ExpiredCold), median(a.ExpiredWarm)/median(b.ExpiredWarm))
		}
	}
	p.WriteByte('\n')
	for _, a := range missed {
		fmt.Fprintf(p, "Missed: %s.\n%s\n\n", a.what, a.reason)
	}
	return nil
}

func (p *document) sizes() error {
	if len(p.r.Sizes) == 0 {
		return nil
	}
	p.WriteString("## What a page downloads\n\n")
	type named struct {
		label, class string
		size
	}
	var all []named
	for _, q := range p.peers {
		s, ok := p.r.Sizes[q.Name+".js"]
		if q.Floor || !ok {
			continue
		}
		if q.ours() {
			module := p.r.Sizes[strings.TrimSuffix(q.Name, "onerefresh")+"onerefresh.wasm"]
			all = append(all, named{q.Short + ", token valid", "ours", s}, named{q.Short + " and its module", "ours", s.add(module)})
		} else {
			all = append(all, named{q.Short, "bar", s})
		}
	}
	slices.SortFunc(all, func(a, b named) int { return a.Brotli - b.Brotli })
	var bars []bar
	for _, s := range all {
		bars = append(bars, bar{label: s.label, value: float64(s.Brotli) / 1000, text: short(float64(s.Brotli)/1000) + " kB", class: s.class})
	}
	if err := p.figure("sizes.svg", "What a page downloads, brotli", func(path, title string) error { return drawBars(path, title, 0.2, bars) }); err != nil {
		return err
	}
	p.head("bytes", "raw", "gzip -9", "brotli 11")
	for _, s := range all {
		p.row(s.label, strconv.Itoa(s.Raw), strconv.Itoa(s.Gzip), strconv.Itoa(s.Brotli))
	}
	p.measured("sizes")
	p.WriteString("\n")
	return nil
}

func (p *document) start() error {
	if len(p.r.Start) == 0 {
		return nil
	}
	p.WriteString(`## From the start of the script to the first token

In a fresh tab, from before the script is fetched. Cold is the first visit, warm the
third or a later one. A stale token has to be refreshed, of which the server takes 50 ms.

`)
	var bars []bar
	for _, q := range p.peers {
		if s := p.r.Start[q.Name]; s != nil {
			v := s.ExpiredCold
			bars = append(bars, bar{q.Short, median(v), slices.Min(v), slices.Max(v), short(median(v)) + " ms", q.class()})
		}
	}
	var valid []bar
	for _, q := range p.peers {
		if s := p.r.Start[q.Name]; s != nil {
			v := s.ValidCold
			valid = append(valid, bar{q.Short, median(v), slices.Min(v), slices.Max(v), short(median(v)) + " ms", q.class()})
		}
	}
	if err := p.figure("start-valid.svg", "Start to the stored token, first visit", func(path, title string) error { return drawBars(path, title, 0, valid) }); err != nil {
		return err
	}
	if err := p.figure("start-stale.svg", "Start to a refreshed token, first visit", func(path, title string) error { return drawBars(path, title, 0, bars) }); err != nil {
		return err
	}
	p.head("ms", "stored, cold", "stored, warm", "refreshed, cold", "refreshed, warm", "without the right token")
	for _, q := range p.peers {
		if s := p.r.Start[q.Name]; s != nil {
			p.row(q.Title, spread(s.ValidCold), spread(s.ValidWarm), spread(s.ExpiredCold), spread(s.ExpiredWarm), strconv.Itoa(s.Wrong))
		}
	}
	p.measured("start")
	p.WriteString("\n")
	return nil
}

func (p *document) hot() error {
	if len(p.r.Hot) == 0 {
		return nil
	}
	p.WriteString("## With a valid token\n\n")
	var bars []bar
	for _, q := range p.peers {
		if h := p.r.Hot[q.Name]; h != nil {
			bars = append(bars, bar{q.Short, median(h.Calls), slices.Min(h.Calls), slices.Max(h.Calls), short(median(h.Calls)) + " µs", q.class()})
		}
	}
	if err := p.figure("hot.svg", "A call with a valid token", func(path, title string) error { return drawBars(path, title, 0.01, bars) }); err != nil {
		return err
	}
	p.head("", "a call, µs", "1,000 calls at once, ms", "a call 300 ms later sees another tab's token", "… and its sign-out")
	yes := map[bool]string{true: "yes", false: "no"}
	for _, q := range p.peers {
		if h := p.r.Hot[q.Name]; h != nil {
			how := ""
			if q.Events {
				how = ", by the storage event"
			}
			p.row(q.Title, spread(h.Calls), spread(h.Bursts), yes[h.NoticesToken]+how, yes[h.NoticesLogout]+how)
		}
	}
	p.measured("hot")
	p.WriteString("\n")
	return nil
}

func (p *document) tabs() []int { return slices.Sorted(maps.Keys(p.r.Storms)) }

func (p *document) lost() error {
	if len(p.r.Storms) == 0 {
		return nil
	}
	p.WriteString(`## Sessions lost

The access token expires in all tabs at once, and each asks for another. A session
is lost if the server has revoked it, or if a tab is left without a valid token. Each
sign-in goes through two such storms, without a reload: the second only if it has
survived the first. A peer that has lost all of the first four or more is not asked
again, nor with 50 tabs if each of 20 had presented the refresh token. A dash is for
what was not measured.

`)
	at := 0
	for _, n := range p.tabs() {
		if at == 0 || n <= 20 {
			at = n
		}
	}
	var bars []bar
	for _, q := range p.peers {
		s := p.r.Storms[at][q.Name]
		if s == nil || q.Floor {
			continue
		}
		storms, lost := s.First.Storms+s.Second.Storms, s.First.Lost+s.Second.Lost
		bars = append(bars, bar{label: q.Short, value: 100 * float64(lost) / float64(storms), text: fmt.Sprintf("%d of %d", lost, storms), class: q.class()})
	}
	if err := p.figure("lost.svg", fmt.Sprintf("Sessions lost, %% of storms with %d tabs", at), func(path, title string) error { return drawShares(path, title, bars) }); err != nil {
		return err
	}
	var head []string
	for _, n := range p.tabs() {
		head = append(head, fmt.Sprintf("%d tabs", n))
	}
	p.head(append([]string{"lost, first and second expiry"}, head...)...)
	for _, q := range p.peers {
		if q.Floor {
			continue
		}
		p.cells(q.Title, func(s *storms) string { return s.First.share() + ", " + s.Second.share() }, q.Name)
	}
	p.WriteString("\n")
	p.head(append([]string{"exchanges for each expiry"}, head...)...)
	for _, q := range p.peers {
		if q.Floor {
			continue
		}
		p.cells(q.Title, func(s *storms) string {
			return fmt.Sprintf("%.3g", float64(s.First.Exchanges+s.Second.Exchanges)/float64(s.First.Storms+s.Second.Storms))
		}, q.Name)
	}
	var troubled []string
	for _, q := range p.peers {
		for _, n := range p.tabs() {
			if s := p.r.Storms[n][q.Name]; s != nil && s.Trouble != "" {
				troubled = append(troubled, fmt.Sprintf("%s in %d tabs (%s)", q.Title, n, s.Trouble))
			}
		}
	}
	if troubled != nil {
		fmt.Fprintf(p, "\nNot measured to the end: %s.\n", strings.Join(troubled, "; "))
	}
	p.measured("storms")
	p.WriteString("\n")
	return nil
}

func (a expiries) share() string {
	if a.Storms == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d", a.Lost, a.Storms)
}

// cells writes a row with a cell for each number of tabs.
func (p *document) cells(title string, cell func(*storms) string, name string) {
	row := []string{title}
	for _, n := range p.tabs() {
		if s := p.r.Storms[n][name]; s != nil && s.First.Storms > 0 {
			row = append(row, cell(s))
		} else {
			row = append(row, "–")
		}
	}
	p.row(row...)
}

func (s *storms) lastTab() []float64 { return slices.Concat(s.First.LastTab, s.Second.LastTab) }

func (s *storms) last() float64 { return median(s.lastTab()) }

func (s *storms) firstTabs() []float64 { return slices.Concat(s.First.FirstTab, s.Second.FirstTab) }

func (s *storms) firstTab() float64 { return median(s.firstTabs()) }

func (p *document) times() error {
	if len(p.r.Storms) == 0 {
		return nil
	}
	p.WriteString(`## How long a storm takes

Until the first and until the last tab has its token, from the first call, in storms
that did not lose the session. A lone exchange is that of a tab among as many that
rest, in a few lines of JavaScript; one storage event later another tab has the
token. The floor is that with all tabs: one is told beforehand to refresh, and all
others wait for the storage event.

`)
	var columns []string
	for _, n := range p.tabs() {
		columns = append(columns, fmt.Sprintf("%d tabs", n))
	}
	lines := []series{{label: "a lone exchange", class: "floor"}}
	for _, n := range p.tabs() {
		v := math.NaN()
		if s := p.r.Storms[n][lone]; s != nil {
			v = s.firstTab()
		}
		lines[0].values = append(lines[0].values, v)
	}
	for _, q := range p.peers {
		s := series{label: q.Short, class: q.class()}
		for _, n := range p.tabs() {
			v := math.NaN()
			if got := p.r.Storms[n][q.Name]; got != nil {
				v = got.last()
			}
			s.values = append(s.values, v)
		}
		lines = append(lines, s)
	}
	if err := p.figure("last.svg", "Until the last tab has its token, ms", func(path, title string) error { return drawLines(path, title, columns, lines) }); err != nil {
		return err
	}
	p.head(append([]string{"first tab, ms"}, columns...)...)
	p.cells("a lone exchange", func(s *storms) string { return spread(s.firstTabs()) }, lone)
	for _, q := range p.peers {
		p.cells(q.Title, func(s *storms) string { return spread(s.firstTabs()) }, q.Name)
	}
	p.WriteString("\n")
	p.head(append([]string{"last tab, ms"}, columns...)...)
	p.cells("a lone exchange, and one storage event", func(s *storms) string { return spread(s.lastTab()) }, lone)
	for _, q := range p.peers {
		p.cells(q.Title, func(s *storms) string { return spread(s.lastTab()) }, q.Name)
	}
	p.WriteString("\n")
	p.head(append([]string{"last tab, in times of a lone exchange"}, columns...)...)
	for _, q := range p.peers {
		row := []string{q.Title}
		for _, n := range p.tabs() {
			s, l := p.r.Storms[n][q.Name], p.r.Storms[n][lone]
			if s == nil || l == nil {
				row = append(row, "–")
				continue
			}
			row = append(row, ratio(s.last(), l.firstTab()))
		}
		p.row(row...)
	}
	p.measured("storms")
	p.WriteString("\n")
	return nil
}

func (p *document) memory() error {
	if len(p.r.Memory) == 0 {
		return nil
	}
	p.WriteString(`## Memory

Of a tab with a refreshed token, after a collection of garbage: by how much the
private memory of all processes of the browser grows with such a tab, which
includes a module, and what
[performance.measureUserAgentSpecificMemory](https://wicg.github.io/performance-measure-memory/)
says of the page, which does not.

`)
	p.head("MB a tab", "processes", "more than an empty page", "JavaScript")
	mb := func(values []float64) []float64 {
		var scaled []float64
		for _, v := range values {
			scaled = append(scaled, v/1e6)
		}
		return scaled
	}
	empty := math.NaN()
	if m := p.r.Memory[""]; m != nil {
		empty = median(mb(m.Process))
	}
	for _, q := range append([]peer{{Title: "an empty page"}}, p.peers...) {
		if m := p.r.Memory[q.Name]; m != nil {
			p.row(q.Title, spread(mb(m.Process)), short(median(mb(m.Process))-empty), spread(mb(m.Script)))
		}
	}
	p.measured("memory")
	p.WriteString("\n")
	return nil
}

func (p *document) notes() {
	p.WriteString("## What to know of each\n\n")
	for _, q := range p.peers {
		if q.Note != "" {
			fmt.Fprintf(p, "- **%s**: %s\n", q.Title, q.Note)
		}
	}
}
