//go:build !(js && wasm)

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// expiry is what becomes of a session when its access token expires in all
// tabs at once.
type expiry struct {
	Ends      []float64 `json:"ends"` // ms, of each tab
	Exchanges int       `json:"exchanges"`
	Reuse     bool      `json:"reuse"`
	Lost      bool      `json:"lost"`
	Errors    []string  `json:"errors"`
}

func (a *expiries) add(b expiry) {
	a.Storms++
	a.Exchanges += b.Exchanges
	if b.Reuse {
		a.Reuse++
	}
	for _, e := range b.Errors {
		if !slices.Contains(a.Errors, e) && len(a.Errors) < 5 {
			a.Errors = append(a.Errors, e)
		}
	}
	if b.Lost {
		a.Lost++
		return
	}
	a.FirstTab = append(a.FirstTab, slices.Min(b.Ends))
	a.LastTab = append(a.LastTab, slices.Max(b.Ends))
}

// lone is the name of the floor with two tabs that take part, among all that are
// open.
const lone = "lone"

// measureStorms signs in per times in each of the rounds, and lets the access
// token expire twice each time.
func measureStorms(r *results, built string, all []peer, tabs, rounds, per int) error {
	s, err := newStage(built)
	if err != nil {
		return err
	}
	defer s.end()
	isolates := map[string]bool{}
	for range tabs {
		t, err := s.open("/page/tab.html")
		if err != nil {
			return err
		}
		isolate, err := t.isolate()
		if err != nil {
			return err
		}
		isolates[isolate] = true
	}
	if len(isolates) != tabs {
		return fmt.Errorf("%d tabs share %d renderer processes", tabs, len(isolates))
	}
	r.Storms[tabs] = map[string]*storms{lone: {}}
	for _, p := range all {
		r.Storms[tabs][p.Name] = &storms{}
	}
	for round := range rounds {
		if err := s.storms(r.Storms[tabs][lone], "floor", tabs, 2, per); err != nil {
			return err
		}
		for _, i := range rand.Perm(len(all)) {
			got := r.Storms[tabs][all[i].Name]
			// There is nothing more to be learned.
			if got.First.Lost >= 4 && got.First.Lost == got.First.Storms {
				continue
			}
			if err := s.storms(got, all[i].Name, tabs, tabs, per); err != nil {
				return err
			}
		}
		progress(fmt.Sprintf("storms with %d tabs", tabs), round+1, rounds)
	}
	return nil
}

func (s *stage) storms(got *storms, peer string, tabs, only, count int) error {
	result, err := eval[struct {
		First  []expiry `json:"first"`
		Second []expiry `json:"second"`
	}](s.control, "bench.storms({peer: %q, tabs: %d, only: %d, count: %d})", peer, tabs, only, count)
	if err != nil {
		return err
	}
	for _, e := range result.First {
		got.First.add(e)
	}
	for _, e := range result.Second {
		got.Second.add(e)
	}
	return nil
}
