//go:build !(js && wasm)

package explore

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A control takes out one defence of the algorithm, or one promise of a port.
// The explorer must find out: a search that passes without it proves nothing.
type control struct {
	scope scope
	edits []edit
}

// An edit replaces a piece of a file of the root package.
type edit struct{ file, old, new string }

var controls = map[string]control{
	"a store that is not coherent": {scope: scope{tabs: 2, incoherent: true}},
	"no compare-and-swap":          {scope: scope{tabs: 2, faults: 1, blindSwaps: true, only: "sign-out"}},
	"no adopt-on-reject": {
		scope: scope{tabs: 2, faults: 1, server: refuses, lulls: 2, only: "late"},
		edits: []edit{{"exchange.go", "if s.replaced(ctx, rec) {", "if false {"}},
	},
	"a flight that is not cleared": {
		scope: scope{tabs: 2},
		edits: []edit{{"flight.go", "s.flight = nil\n", "\n"}},
	},
	"transient treated as permanent": {
		scope: scope{tabs: 2, faults: 1, only: "unavailable"},
		edits: []edit{{"provider.go", "if refusal.Status >= 500 {\n\t\treturn unclear", "if refusal.Status >= 500 {\n\t\treturn permanent"}},
	},
	"a caller's cancel that reaches the exchange": {
		scope: scope{tabs: 2, faults: 1, only: "gives up"},
		edits: []edit{
			{"session.go", "flight *flight //", "caller context.Context\n\tflight *flight //"},
			{"flight.go", "f := s.join(rejected)", "s.caller = ctx\n\t\tf := s.join(rejected)"},
			{"exchange.go", "withTimeout(context.Background(), s.opts.ExchangeTimeout)", "withTimeout(s.caller, s.opts.ExchangeTimeout)"},
		},
	},
	"a kept token that nobody is told of": {
		scope: scope{tabs: 2, faults: 1, only: "write fails"},
		edits: []edit{{"refresh.go", "if s.keptElsewhere(held) {", "if false {"}},
	},
	"no attempt on record": {
		scope: scope{tabs: 2, faults: 1, only: "crash"},
		edits: []edit{{"refresh.go", "Count: rec.Attempt.Count + 1}", "Count: 0}"}},
	},
}

const controlVariable = "ONEREFRESH_EXPLORE_CONTROL"

func TestNegativeControls(t *testing.T) {
	for name, c := range controls {
		t.Run(name, func(t *testing.T) {
			command := exec.Command("go", "test", "-count=1", "-run", "^TestControl$", "-overlay", overlay(t, c.edits), ".")
			command.Env = append(os.Environ(), controlVariable+"="+name)
			out, err := command.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "VIOLATED") {
				t.Fatalf("not found: %v\n%s", err, out)
			}
			_, trace, _ := strings.Cut(string(out), "shortest schedule:\n")
			trace, _, _ = strings.Cut(trace, "\nFAIL")
			t.Logf("\n%s", trace)
		})
	}
}

// TestControl is what TestNegativeControls runs, with the edits in place.
func TestControl(t *testing.T) {
	c, ok := controls[os.Getenv(controlVariable)]
	if !ok {
		return // on its own it has nothing to do
	}
	if worst := c.scope.shortest(t); worst.broken != nil {
		t.Fatalf("shortest schedule:\n%s", worst)
	}
}

// overlay returns a file for go test -overlay that has the edits.
func overlay(t *testing.T, edits []edit) string {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for _, e := range edits {
		from, to := filepath.Join(root, e.file), filepath.Join(dir, e.file)
		source, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(source), e.old) != 1 {
			t.Fatalf("%s does not have %q once", e.file, e.old)
		}
		replace[from] = to
		if err := os.WriteFile(to, []byte(strings.Replace(string(source), e.old, e.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
