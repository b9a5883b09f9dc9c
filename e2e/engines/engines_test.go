//go:build !(js && wasm)

package engines

import (
	"testing"
)

func TestWebKitGTK(t *testing.T) { testEngine(t, startWebKit) }

func TestFirefox(t *testing.T) { testEngine(t, startFirefox) }

// testEngine runs everything in one browser. With -short there is less of it.
func testEngine(t *testing.T, start func(t *testing.T, proxy string) engine) {
	s := newStage(t, start)
	s.Log(s.version())
	for _, c := range []struct {
		name string
		test func(*stage)
	}{
		{"Apart", testApart},
		{"Storm", testStorm},
		{"HandOff", testHandOff},
		{"SignOutTellsAllTabs", testSignOutTellsAllTabs},
		{"EndOfTheSessionTellsAllTabs", testEndOfTheSessionTellsAllTabs},
		{"WithoutWebLocks", testWithoutWebLocks},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(s.with(t)) })
	}
}
