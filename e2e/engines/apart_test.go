//go:build !(js && wasm)

package engines

import (
	"fmt"
)

// spin keeps a page's thread busy when it is told to. A timer would not do:
// each tab in the background has its own second at which its timers fire.
const spin = `void (() => {
	const channel = new BroadcastChannel("apart");
	(globalThis.spans ??= []).push(new Promise(resolve => {
		channel.onmessage = ({data}) => {
			if (data !== %d) return;
			channel.close();
			const from = Date.now();
			while (Date.now() < from + %f);
			resolve([from, Date.now()]);
		};
	}));
})()`

// tell says so until told to stop: what is said to a channel that was opened a
// moment before may be lost in WebKit.
const tell = `void (() => {
	const channel = new BroadcastChannel("apart");
	const say = () => channel.postMessage(%d);
	const saying = setInterval(say, 100);
	say();
	globalThis.hush = () => {
		clearInterval(saying);
		channel.close();
	};
})()`

// apart tells whether the pages, which are of one origin, are in processes of
// their own. In one process they share one thread: then no two are busy at
// once. The page teller is another one. On a machine that has other things to
// do a page may hear of it late, and is given longer the next time.
func (s *stage) apart(rounds int, teller *page, pages ...*page) bool {
	s.Helper()
	together := make(map[[2]int]bool)
	busy := 150.0 // ms
	for round := range rounds {
		for _, p := range pages {
			eval[any](p, fmt.Sprintf(spin, round, busy))
		}
		eval[any](teller, fmt.Sprintf(tell, round))
		spans := make([][2]float64, len(pages))
		for i, p := range pages {
			spans[i] = eval[[2]float64](p, "spans.shift()")
		}
		eval[any](teller, "hush()")
		for i, a := range spans {
			for j, b := range spans[:i] {
				if max(a[0], b[0])+20 < min(a[1], b[1]) { // more than a clock's grain
					together[[2]int{j, i}] = true
				}
			}
		}
		busy *= 1.5
		if n := len(pages); len(together) == n*(n-1)/2 {
			return true
		}
	}
	return false
}

// The negative control of what tells processes apart: a page and itself.
func testApart(s *stage) {
	teller, tab := s.open(s.url+"/"), s.open(s.url+"/tab")
	if s.apart(3, teller, tab, tab) {
		s.Error("a page appears to be in two processes")
	}
}
