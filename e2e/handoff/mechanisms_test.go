//go:build !(js && wasm)

package handoff

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/chromedp"
)

// The tables of docs/design.md:
//
//	go test ./e2e/handoff -run Mechanisms -full -v -timeout 1h
var full = flag.Bool("full", false, "measure all mechanisms, and for long enough to fill the tables of docs/design.md")

// TestMechanisms measures what makes localStorage coherent, see
// testdata/mechanisms.js, and at what price. Without -full it looks whether
// package stores, which is made of two of them, still fits the tables.
func TestMechanisms(t *testing.T) {
	b := start(t)
	mechanisms, handOffs, deaths := []string{"stores"}, 200, 2
	if *full {
		mechanisms, handOffs, deaths = []string{"plain", "marks", "generation", "record", "stores"}, 2000, 60
	}
	ends := []string{"crashes", "is closed", "navigates away", "releases, crashes"}

	cost := table{{"mechanism", "stale", "median ms", "99 % ms", "waited", "longest wait ms"}}
	gone := table{append([]string{"old value read, of " + fmt.Sprint(deaths)}, ends...)}
	back := table{{"page comes back from the back/forward cache", "left at once", "at once, another tab took over", "after 3 s, another tab took over"}}
	refused := table{{"refused", "nothing", "IndexedDB", "`locks.query`", "Web Locks (insecure origin)", "IndexedDB and Web Locks", "all storage (opaque origin)"}}
	for _, m := range mechanisms {
		t.Run(m, func(t *testing.T) {
			b := b.with(t)
			holds := handOff(b, m, handOffs, "", "")
			waited, longest := "–", "–"
			if m == "marks" || m == "generation" { // others do not wait, or do not tell
				share, ms := holds.waited()
				waited, longest = fmt.Sprintf("%.0f %%", 100*share), fmt.Sprintf("%.1f", ms)
			}
			cost.add(m, fmt.Sprintf("%d of %d", holds.Stale(), len(holds)),
				fmt.Sprintf("%.1f", holds.held(.5)), fmt.Sprintf("%.1f", holds.held(.99)), waited, longest)
			if m != "plain" && holds.Stale() > 0 {
				t.Errorf("%d of %d read an old record", holds.Stale(), len(holds))
			}

			row := []string{m}
			for _, end := range ends {
				old := oldAfterDeath(b, m, end, deaths)
				if m == "stores" && old > 0 {
					t.Errorf("a writer %s: %d of %d read an old value", end, old, deaths)
				}
				row = append(row, fmt.Sprint(old))
			}
			gone.add(row...)

			row = []string{m}
			for _, c := range []struct{ wait, takenOver bool }{{}, {takenOver: true}, {true, true}} {
				if c.wait && !*full {
					continue
				}
				row = append(row, comesBack(b, m, c.wait, c.takenOver))
			}
			back.add(row...)
			if m == "stores" && slices.ContainsFunc(row[1:], func(cell string) bool { return cell != "yes" }) {
				t.Errorf("the page does not come back from the back/forward cache: %q", row)
			}

			row = []string{m}
			for _, address := range []string{"", "?without=indexedDB", "?without=query",
				strings.Replace(b.url, "127.0.0.1", insecureHost, 1), "?without=indexedDB&without=locks", "opaque"} {
				page := b.open(address)
				row = append(row, eval[string](page, fmt.Sprintf("attempt(%q)", m)))
				page.close()
			}
			refused.add(row...)
			if want := []string{m, "coherent", "coherent", "coherent", "coherent", "plain", "SecurityError"}; m == "stores" && !slices.Equal(row, want) {
				t.Errorf("where something is refused: %q, want %q", row, want)
			}
		})
	}
	for _, table := range []table{cost, gone, back, refused} {
		fmt.Println(table)
	}
}

// oldAfterDeath returns how often the next holder of the lock does not read
// what a tab wrote that ended right after.
func oldAfterDeath(b *browser, mechanism, end string, trials int) (old int) {
	b.Helper()
	reader := b.open("")
	defer reader.close()
	eval[any](reader, "reset()")
	for i := range trials {
		writer := b.open("")
		b.apart(reader, writer)
		id := fmt.Sprintf("writer#%d", i)
		crashed := chromedp.Events(writer.ctx, inspector.TargetCrashed)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			try[any](writer, fmt.Sprintf("die(%q, %q, %q)", mechanism, id, end)) // it does not live to tell
		}()
		eval[any](reader, "(async () => { while (!await held()) await pause(1) })()")
		hold := eval[Holds](reader, fmt.Sprintf("hold(%q, 'reader#%d').then(h => [h])", mechanism, i))[0]
		if hold.Read != id {
			old++
		}
		if strings.Contains(end, "crash") {
			for _, err := range crashed {
				if err != nil {
					b.Fatalf("a writer that %s: %v", end, err)
				}
				break
			}
		}
		writer.close()
		<-ended
	}
	return old
}

// comesBack tells whether a page that has written, and was left, is restored
// when the user goes back, or why it is not.
func comesBack(b *browser, mechanism string, wait, takenOver bool) string {
	b.Helper()
	other, page := b.open(""), b.open("")
	defer other.close()
	defer page.close()
	eval[any](other, fmt.Sprintf("hold(%q, 'other#0')", mechanism))
	ms := 0
	if wait {
		ms = 3000
	}
	eval[any](page, "void (globalThis.left = true)")
	eval[any](page, fmt.Sprintf("void hold(%q, 'page#0').then(() => pause(%d)).then(() => { location = 'away' })", mechanism, ms))
	page.wait("location.pathname === '/away'")
	if takenOver {
		eval[any](other, fmt.Sprintf("hold(%q, 'other#1')", mechanism))
	}
	eval[any](page, "history.back()")
	page.wait("location.pathname === '/' && ready")
	if eval[bool](page, "globalThis.left === true") {
		return "yes"
	}
	reasons := eval[[]string](page, "performance.getEntriesByType('navigation')[0].notRestoredReasons?.reasons?.map(r => r.reason) ?? ['unknown']")
	return "no: " + strings.Join(reasons, ", ")
}

// waited returns which share of the holders had to wait for localStorage to
// catch up, and the longest wait in ms.
func (h Holds) waited() (share, longest float64) {
	n := 0
	for _, hold := range h {
		if hold.Waited > 0.05 { // what it takes to look
			n++
		}
		longest = max(longest, hold.Waited)
	}
	return float64(n) / float64(max(1, len(h))), longest
}

// A table is printed as Markdown. Its first row is the head.
type table [][]string

func (t *table) add(cells ...string) { *t = append(*t, cells) }

func (t table) String() string {
	var b strings.Builder
	for i, row := range t {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(row)))
		}
	}
	return b.String()
}
