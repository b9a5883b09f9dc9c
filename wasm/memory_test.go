//go:build js && wasm

package main

import (
	"runtime"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// Refreshes leave no callback behind, and nothing on the heap. What a page as a
// whole holds is tested in e2e.
func TestRefreshesLeaveNothingBehind(t *testing.T) {
	if storage, err := jsbridge.Global().Get("localStorage"); err != nil || !storage.IsObject() {
		t.Skip("runs in a page")
	}
	opts, err := config{eval(t, `({
		name: "memory", storageKey: "memory", coordination: navigator.locks ? "web-locks" : "tab", emit() {},
		refresh: async () => ({access_token: crypto.getRandomValues(new Uint32Array(4)).join(), refresh_token: "r", expires_in: 3600}),
	})`)}.options()
	if err != nil {
		t.Fatal(err)
	}
	s, err := onerefresh.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.SignIn(t.Context(), onerefresh.Response{AccessToken: "a", RefreshToken: "r", ExpiresIn: time.Hour}); err != nil {
		t.Fatal(err)
	}
	refresh := func(n int) {
		for range n {
			if _, err := s.Refresh(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	// held returns what is held when marks and what else takes a while are gone.
	held := func() (callbacks int, heap uint64) {
		time.Sleep(3 * time.Second)
		for range 3 { // a JavaScript value is let go of by a finalizer, and freed after that
			runtime.GC()
			runtime.Gosched()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return jsbridge.Live(), m.HeapAlloc
	}
	refresh(50)
	callbacksBefore, heapBefore := held()
	refresh(300)
	callbacks, heap := held()
	t.Logf("callbacks %d, then %d; heap %d bytes, then %d", callbacksBefore, callbacks, heapBefore, heap)
	if callbacks > callbacksBefore {
		t.Errorf("%d callbacks are live, %d before", callbacks, callbacksBefore)
	}
	if heap > heapBefore+50_000 { // 167 bytes a refresh
		t.Errorf("%d bytes on the heap, %d before", heap, heapBefore)
	}
}
