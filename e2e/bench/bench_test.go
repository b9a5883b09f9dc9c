//go:build !(js && wasm)

package main

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryPeerTakesPart has two tabs of each peer go through a few expiries, and
// calls with a valid token: what make bench measures can be bundled, and works.
func TestEveryPeerTakesPart(t *testing.T) {
	t.Chdir("../..")
	compilers := strings.Split(cmp.Or(os.Getenv("COMPILER"), "tinygo,go"), ",")
	folder := t.TempDir()
	kept := filepath.Join(folder, "bench.json")
	if err := bench([]string{"sizes", "hot", "storms"}, "2", 0.01, compilers, "", kept, folder, true); err != nil {
		t.Fatal(err)
	}
	r, err := load(kept)
	if err != nil {
		t.Fatal(err)
	}
	all, err := peers(".", compilers)
	if err != nil {
		t.Fatal(err)
	}
	broken := regexp.MustCompile(`TypeError|ReferenceError|SyntaxError|silent`)
	for _, p := range all {
		got := r.Storms[2][p.Name]
		if got == nil || got.First.Storms == 0 {
			t.Errorf("%s: no storms", p.Name)
			continue
		}
		if errors := append(got.First.Errors, got.Second.Errors...); broken.MatchString(strings.Join(errors, "\n")) {
			t.Errorf("%s: %q", p.Name, errors)
		}
		if got.First.Exchanges < got.First.Storms {
			t.Errorf("%s: %d exchanges for %d expiries", p.Name, got.First.Exchanges, got.First.Storms)
		}
		if p.ours() || p.Floor {
			if lost := got.First.Lost + got.Second.Lost; lost > 0 || got.First.Exchanges != got.First.Storms {
				t.Errorf("%s: %d storms lost, %d exchanges for %d expiries", p.Name, lost, got.First.Exchanges, got.First.Storms)
			}
		}
		if p.Floor {
			continue
		}
		if h := r.Hot[p.Name]; h == nil || len(h.Calls) == 0 || p.ours() && !(h.NoticesToken && h.NoticesLogout) {
			t.Errorf("%s: calls with a valid token: %+v", p.Name, h)
		}
	}
	for name, s := range r.Sizes {
		if s.Brotli == 0 || s.Brotli > s.Raw {
			t.Errorf("%s: %+v", name, s)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "bench.md"))
	if err != nil || !strings.Contains(string(text), "## How long a storm takes") {
		t.Errorf("the report: %v", err)
	}
}
