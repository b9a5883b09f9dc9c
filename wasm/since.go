//go:build js && wasm

package main

import (
	"sync"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/stores"
)

// since is a store that shows a new session first what the page has seen: what
// happened between that and the start of this program, such as a sign-out in
// another tab, is an event too.
type since struct {
	*stores.LocalStorageStore
	seen []onerefresh.Record // that were not shown yet
	once sync.Once
}

func (s *since) Peek() (onerefresh.Record, error) {
	if len(s.seen) == 0 {
		return s.LocalStorageStore.Peek()
	}
	rec := s.seen[0]
	s.seen = s.seen[1:]
	return rec, nil
}

func (s *since) Watch(changed func()) (stop func()) {
	s.once.Do(func() {
		for len(s.seen) > 0 {
			changed()
		}
		go changed()
	})
	return s.LocalStorageStore.Watch(changed)
}
