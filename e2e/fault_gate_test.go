//go:build !(js && wasm)

package e2e

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// A gate before the token endpoint holds a request at a place, for as long as a
// test needs it there.
type gate struct {
	mu   sync.Mutex
	next *held // for the next request; guarded by mu
	all  []*held
}

type place string

const (
	beforeDeciding place = "before the server decides" // the refresh token has arrived
	beforeAnswer   place = "before the server answers" // it is spent
)

// A held is a request that was stopped, or will be.
type held struct {
	place            place
	reached, decided chan struct{} // closed when that is so
	released         chan struct{}
	release          func()
}

// hold has the next token request stop at a place. Those that arrive after it
// are decided after it.
func (s *stage) hold(where place) *held {
	h := &held{place: where, reached: make(chan struct{}), decided: make(chan struct{}), released: make(chan struct{})}
	h.release = sync.OnceFunc(func() { close(h.released) })
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.next = h
	s.gate.all = append(s.gate.all, h)
	return h
}

// arrivedAt waits until the request has got to its place.
func (s *stage) arrivedAt(h *held) {
	s.Helper()
	select {
	case <-h.reached:
	case <-time.After(patience):
		s.Fatalf("no request stopped %s within %v", h.place, patience)
	}
}

// open lets all go on that were held.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next = nil
	for _, h := range g.all {
		h.release()
	}
}

func (g *gate) take() (mine *held, earlier []*held) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		return nil, g.all
	}
	mine, g.next = g.next, nil
	return mine, nil
}

func (g *gate) before(endpoint http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			endpoint.ServeHTTP(w, r)
			return
		}
		r.ParseForm() // while its sender is there
		mine, earlier := g.take()
		if mine == nil {
			for _, h := range earlier {
				<-h.decided
			}
			endpoint.ServeHTTP(w, r)
			return
		}
		if mine.place == beforeDeciding {
			close(mine.reached)
			<-mine.released
		}
		answer := httptest.NewRecorder()
		endpoint.ServeHTTP(answer, r)
		close(mine.decided)
		if mine.place == beforeAnswer {
			close(mine.reached)
			<-mine.released
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}
