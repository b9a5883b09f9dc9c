//go:build js && wasm

package main

import (
	"sync"

	"github.com/onerefresh/onerefresh"
)

// since is a store that shows a new session first what the page saw last: what
// happened between that and the start of this program, such as a sign-out in
// another tab, is an event too.
type since struct {
	onerefresh.Store
	seen *onerefresh.Record // nil once it was shown
	once sync.Once
}

func (s *since) Peek() (onerefresh.Record, error) {
	if seen := s.seen; seen != nil {
		s.seen = nil
		return *seen, nil
	}
	return s.Store.Peek()
}

func (s *since) Watch(changed func()) (stop func()) {
	defer s.once.Do(func() { go changed() })
	return s.Store.Watch(changed)
}
