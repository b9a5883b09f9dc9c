//go:build !(js && wasm)

package main

import (
	"fmt"
	"math/rand/v2"
	"regexp"
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

// hopeless reports whether all sessions were lost, so that there is nothing more
// to be learned.
func (s *storms) hopeless() bool { return s.First.Lost >= 4 && s.First.Lost == s.First.Storms }

// many tabs tell a peer that does not coordinate them from one that is unlucky.
const many = 20

func uncoordinated(s *storms) bool {
	return s != nil && s.hopeless() && s.First.Exchanges == many*s.First.Storms
}

var exception = regexp.MustCompile(`exception "[^"\n]*Error: ([^"\n]*)`)

// measureStorms signs in per times in each of the rounds, and lets the access
// token expire twice each time. It keeps what it has after each round.
func measureStorms(r *results, built string, all []peer, tabs, rounds, per int, keep func() error) error {
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
			if got.Trouble != "" || got.hopeless() || tabs > many && uncoordinated(r.Storms[many][all[i].Name]) {
				continue
			}
			err := s.storms(got, all[i].Name, tabs, tabs, per)
			if thrown := exception.FindStringSubmatch(fmt.Sprint(err)); thrown != nil && !all[i].ours() && !all[i].Floor {
				got.Trouble = thrown[1] // a client of somebody else ends nobody's measurements
			} else if err != nil {
				return err
			}
		}
		if err := keep(); err != nil {
			return err
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
