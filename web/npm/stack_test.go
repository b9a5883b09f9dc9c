//go:build !(js && wasm)

package npm_test

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// stackSize returns that of each goroutine, as tools/tinygo/ensure.sh gives it.
func stackSize(t *testing.T) int {
	t.Helper()
	out, err := exec.Command("../../tools/tinygo/ensure.sh").Output()
	if err != nil {
		t.Fatal(err)
	}
	var kilobytes int
	for word := range strings.Lines(string(out)) {
		if _, err := fmt.Sscanf(word, "-stack-size=%dKB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	t.Fatalf("it names no size:\n%s", out)
	return 0
}

// measureStacks looks at the stacks of TinyGo's goroutines whenever they call
// what writes, sends, locks or throws. A stack begins with a number that tells
// when it has overflowed. One end holds what is saved while the goroutine waits
// and the other one its frames: what is between them has never been used.
const measureStacks = `
	window.room = Infinity;
	const canary = 0xb83bf575, size = SIZE;
	let linear;
	const measure = () => {
		if (!linear) return;
		const words = new Uint32Array(linear.buffer);
		for (let base = 0; base < words.length - size / 4; base += 4) {
			if (words[base] !== canary) continue;
			let most = 0, zeros = 0;
			for (let i = base + 1; i < base + size / 4; i++) {
				zeros = words[i] ? 0 : zeros + 1;
				if (zeros > most) most = zeros;
			}
			window.room = Math.min(window.room, most * 4);
		}
	};
	for (const [object, name] of [[Storage.prototype, "setItem"], [LockManager.prototype, "request"], [LockManager.prototype, "query"], [window, "fetch"],
		[AbortController.prototype, "abort"], [IDBObjectStore.prototype, "put"], [IDBObjectStore.prototype, "get"], [Promise.prototype, "then"]]) {
		const real = object[name];
		let calls = 0;
		object[name] = function (...args) {
			if (name !== "then" || calls++ % 50 === 0) measure();
			return real.apply(this, args);
		};
	}
	{
		const instantiate = WebAssembly.instantiate;
		WebAssembly.instantiate = async (...args) => {
			const instance = await instantiate.apply(WebAssembly, args);
			linear = instance.exports.memory;
			return instance;
		};
	}`

// The stacks of TinyGo's goroutines do not grow. Whatever happens, a quarter of
// each is never used.
func TestStacksHaveRoom(t *testing.T) {
	if compiler != "tinygo" {
		t.Skip("Go's stacks grow")
	}
	size := stackSize(t)
	p := newSearched(t, strings.Replace(measureStacks, "SIZE", strconv.Itoa(size), 1))
	eval[[]string](p.tab, scenarios)
	got := eval[[]any](p.tab, `
		const deep = JSON.parse("[".repeat(99) + "]".repeat(99)); // the most that is read
		const nested = await onerefresh.open({name: "nested", refresh: async () => ({access_token: "a", expires_in: 0, deep})});
		const outcomes = [await outcome(nested.signIn({access_token: "a", refresh_token: "r", expires_in: 0, deep})), await outcome(nested.getAccessToken())];
		return [Number.isFinite(room) ? room : -1, ...outcomes.map(({ code, value }) => code ?? value)];`)
	if got[1] != nil || got[2] != "misconfigured" { // the token of the second is stale on arrival
		t.Errorf("a sign-in, and a refresh, with all that is read: %v", got[1:])
	}
	room := int(got[0].(float64))
	t.Logf("of %d bytes at least %d are free", size, room)
	if room < size/4 {
		t.Errorf("a stack of %d bytes has %d left", size, room)
	}
}
