//go:build js && wasm

package stores

import (
	"sync"

	"github.com/onerefresh/onerefresh/jsbridge"
)

// page is what all stores of this page share.
var page = struct {
	generations generations

	mu       sync.Mutex
	watchers map[string]*watchers // by key; guarded by mu

	listening sync.Once
}{watchers: make(map[string]*watchers)}

// watchersOf returns the watchers of all stores of key.
func watchersOf(key string) *watchers {
	page.listening.Do(listen)
	page.mu.Lock()
	defer page.mu.Unlock()
	w := page.watchers[key]
	if w == nil {
		w = new(watchers)
		page.watchers[key] = w
	}
	return w
}

// notifyAll tells the watchers of all keys.
func notifyAll() {
	page.mu.Lock()
	defer page.mu.Unlock()
	for _, w := range page.watchers {
		go w.notify()
	}
}

// listen makes the page listen to events for as long as it lives.
func listen() {
	for event, f := range map[string]func(event jsbridge.Value){
		// See https://html.spec.whatwg.org/multipage/webstorage.html#the-storageevent-interface.
		// WebKit delivers it to the page that wrote, too:
		// https://bugs.webkit.org/show_bug.cgi?id=210512.
		"storage": func(event jsbridge.Value) {
			key, err := event.Get("key")
			if err != nil {
				return
			}
			name, ok := key.Text()
			if !ok { // null: clear was called
				notifyAll()
				return
			}
			page.mu.Lock()
			defer page.mu.Unlock()
			if w := page.watchers[name]; w != nil {
				go w.notify()
			}
		},
		// A page in the back/forward cache gets no storage events, and should
		// hold no lock.
		"pageshow": func(jsbridge.Value) { notifyAll() },
		"pagehide": func(jsbridge.Value) { page.generations.marks.unmark() },
	} {
		jsbridge.Global().Call("addEventListener", event, jsbridge.FuncOf(func(args []jsbridge.Value) any {
			if len(args) > 0 {
				f(args[0])
			}
			return nil
		}))
	}
}
