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

	watching sync.Once
}{watchers: make(map[string]*watchers)}

// watchersOf returns the watchers of all stores of key, which are told of
// changes to it, and to the other keys.
func watchersOf(key string, others ...string) *watchers {
	page.watching.Do(watch)
	page.mu.Lock()
	defer page.mu.Unlock()
	w := page.watchers[key]
	if w == nil {
		w = new(watchers)
		page.watchers[key] = w
	}
	for _, other := range others {
		page.watchers[other] = w
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

// calm is how long the watchers wait for after a storage event, in ms. An event
// wakes all tabs at once, most often while one of them has a refresh to send, or
// while callers in the others wait for nothing but a processor. By then most servers
// have answered: what the watchers do at the attempt is not done while the answer
// arrives. Nobody waits for them: the loader has answered such callers, and who has
// to see a write listens for it.
const calm = 150

// watch makes the page listen to events for as long as it lives.
func watch() {
	later := jsbridge.FuncOf(func(args []jsbridge.Value) any {
		if len(args) > 0 {
			stored(args[0])
		}
		return nil
	}).Value()
	if setTimeout, err := jsbridge.Global().Get("setTimeout"); err == nil {
		// setTimeout(stored, calm, event), without a call of Go at the event.
		later, _ = setTimeout.Call("bind", jsbridge.Global(), later, calm)
	}
	jsbridge.Global().Call("addEventListener", "storage", later)
	jsbridge.Global().Call("addEventListener", announcement, later)
	// A page in the back/forward cache gets no storage events, and should
	// hold no lock.
	listen("pageshow", notifyAll)
	listen("pagehide", page.generations.marks.unmark)
}

// announcement is the type of the event that stands for the storage event, which
// the page that writes does not get: there may be another copy of this program
// in it.
const announcement = "onerefresh"

// announce dispatches the event for key. Where that cannot be done, as outside of
// a page, nobody listens.
func announce(key string) {
	class, _ := jsbridge.Global().Get("StorageEvent")
	event, _ := class.New(announcement, map[string]any{"key": key})
	jsbridge.Global().Call("dispatchEvent", event)
}

// stored tells the watchers of the key that a storage event is about. See
// https://html.spec.whatwg.org/multipage/webstorage.html#the-storageevent-interface.
// WebKit delivers it to the page that wrote, too:
// https://bugs.webkit.org/show_bug.cgi?id=210512.
func stored(event jsbridge.Value) {
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
}

// listen has f called at each event of a type, until stop is called.
func listen(event string, f func()) (stop func()) {
	fn := jsbridge.FuncOf(func([]jsbridge.Value) any {
		f()
		return nil
	})
	jsbridge.Global().Call("addEventListener", event, fn)
	return func() {
		jsbridge.Global().Call("removeEventListener", event, fn)
		fn.Release()
	}
}
