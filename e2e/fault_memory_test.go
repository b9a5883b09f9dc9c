//go:build !(js && wasm)

package e2e

import (
	"flag"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/chromedp"
)

var refreshes = flag.Int("refreshes", 500, "how many refreshes must leave the memory of a tab where it was")

// exposeGo hands the linear memory of a Go program to the test, and the Map in
// which wasm_exec.js numbers the JavaScript values that Go refers to: Go begins
// it with the global object, and TinyGo's numbers are bigints.
const exposeGo = `{
	const Real = Map;
	window.Map = class extends Real {
		constructor(entries) {
			super(entries);
			if (Array.isArray(entries) && entries[4]?.[0] === globalThis) window.references = this;
		}

		set(value, id) {
			if (typeof id === "bigint") window.references = this;
			if (this === window.references) window.slots = Math.max(window.slots ?? 0, Number(id) + 1);
			return super.set(value, id);
		}
	};
	const instantiate = WebAssembly.instantiate;
	WebAssembly.instantiate = async (...args) => {
		const instance = await instantiate.apply(WebAssembly, args);
		window.linear = instance.exports.mem ?? instance.exports.memory;
		return instance;
	};
}`

// memory is what a Go program in a page holds.
type memory struct {
	Bytes      int `json:"bytes"`      // linear memory, which never shrinks
	References int `json:"references"` // to JavaScript values, those to be collected among them
	Slots      int `json:"slots"`      // for such references; a freed one is used again
	Heap       int `json:"heap"`       // of JavaScript, in bytes, after a collection
}

func (p *page) memory() memory {
	p.Helper()
	if _, err := chromedp.Call(p.ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
		p.Fatal(err)
	}
	return eval[memory](p, `({ bytes: linear.buffer.byteLength, references: references.size, slots, heap: performance.memory.usedJSHeapSize })`)
}

// Refreshes leave nothing behind in the tab that makes them. The first tenth
// shows what a garbage collector lets pile up, and the rest must not add to it.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	v := altered(t, 1, exposeGo, `{tokenEndpoint: undefined, refresh: async () => ({ access_token: crypto.randomUUID(), refresh_token: crypto.randomUUID(), expires_in: 3600 })}`)
	tab := v.tabs[0]
	v.grant = v.signInFor(tab, "alice", 0)
	refresh := func(n int) {
		t.Helper()
		for n > 0 {
			batch := min(n, 500)
			n -= batch
			got := eval[int](tab, fmt.Sprintf(`(async () => {
				const tokens = new Set();
				for (let i = 0; i < %d; i++) tokens.add((await ask({ forceRefresh: true })).token);
				tab.events.length = 0;
				return tokens.has(undefined) ? -1 : tokens.size;
			})()`, batch))
			if got != batch {
				t.Fatalf("%d refreshes, %d tokens", batch, got)
			}
		}
	}
	refresh(*refreshes / 10)
	before := tab.memory()
	for round := 1; ; round++ {
		refresh(*refreshes - *refreshes/10)
		after := tab.memory()
		t.Logf("round %d: before %+v, after %+v", round, before, after)
		grown := after.grownFrom(before)
		if grown == "" {
			return
		}
		if round == 3 {
			t.Error(grown)
			return
		}
		// TinyGo's heap doubles when many goroutines run at a time, each of which has
		// a stack of its own. What refreshes leave behind adds up in every round.
		before = after
	}
}

// grownFrom returns what there is much more of than before, if anything is.
func (m memory) grownFrom(before memory) string {
	// Go's collector does not run before the heap has 4 MiB, and lets it double
	// from then on; references go with the Go values that hold them.
	limit := 2*before.Slots + *refreshes/4
	switch {
	case m.Bytes > before.Bytes+(4<<20):
		return fmt.Sprintf("the memory of the module has grown from %d to %d bytes", before.Bytes, m.Bytes)
	case m.Heap > before.Heap+(2<<20):
		return fmt.Sprintf("the heap of JavaScript has grown from %d to %d bytes", before.Heap, m.Heap)
	case m.Slots > limit || m.References > limit:
		return fmt.Sprintf("%d references in %d slots, before %d in %d", m.References, m.Slots, before.References, before.Slots)
	}
	return ""
}
