package stores

import "sync"

// watchers are the functions to be told that a record may have changed.
type watchers struct {
	mu  sync.Mutex
	all map[*watcher]bool // guarded by mu
}

type watcher struct{ changed func() }

func (w *watchers) add(changed func()) (stop func()) {
	added := &watcher{changed}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[*watcher]bool)
	}
	w.all[added] = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, added)
	}
}

// notify calls those who have not stopped by then. It holds no lock while it
// does so: they may stop, watch and swap.
func (w *watchers) notify() {
	w.mu.Lock()
	var now []*watcher
	for added := range w.all {
		now = append(now, added)
	}
	w.mu.Unlock()
	for _, added := range now {
		w.mu.Lock()
		watching := w.all[added]
		w.mu.Unlock()
		if watching {
			added.changed()
		}
	}
}
