//go:build !(js && wasm)

package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"time"
)

// measureStart takes the time from before the page's script is fetched until
// there is an access token, each time in a fresh tab.
func measureStart(r *results, built string, all []peer, rounds int) error {
	s, err := newStage(built)
	if err != nil {
		return err
	}
	defer s.end()
	clear(r.Start)
	for _, p := range all {
		if !p.Floor {
			r.Start[p.Name] = &starts{}
		}
	}
	// The browser keeps compiled code from the second visit on.
	const cold, prime, warm = "cold", "prime", "warm"
	phases := slices.Concat(slices.Repeat([]string{cold}, rounds), []string{prime, prime}, slices.Repeat([]string{warm}, rounds))
	for i, phase := range phases {
		for _, i := range rand.Perm(len(all)) {
			p := all[i]
			if p.Floor {
				continue
			}
			got := r.Start[p.Name]
			for lifetime, to := range map[int]map[string]*[]float64{
				3600: {cold: &got.ValidCold, warm: &got.ValidWarm},
				0:    {cold: &got.ExpiredCold, warm: &got.ExpiredWarm},
			} {
				ms, ok, err := s.start(p, lifetime, phase == cold)
				if err != nil {
					return err
				}
				if values := to[phase]; values != nil {
					*values = append(*values, ms)
				}
				if !ok {
					got.Wrong++
				}
			}
		}
		progress("start", i+1, len(phases))
	}
	return nil
}

// start reports whether the token is the stored one, or another if that had
// expired.
func (s *stage) start(p peer, lifetime int, cold bool) (ms float64, ok bool, err error) {
	name := "start-" + p.Name
	stored, err := eval[string](s.control, "bench.seed(%q, %q, %d)", p.Name, name, lifetime)
	if err != nil {
		return 0, false, err
	}
	if cold {
		if err := s.control.forgetCache(); err != nil {
			return 0, false, err
		}
	}
	time.Sleep(150 * time.Millisecond) // the tab before this one is closed, and the session stored
	page, err := s.open("/page/start.html?" + url.Values{"peer": {p.Name}, "name": {name}}.Encode())
	if err != nil {
		return 0, false, err
	}
	defer page.close()
	got, err := eval[struct {
		MS    float64 `json:"ms"`
		Token string  `json:"token"`
	}](page, "started")
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", p.Name, err)
	}
	return got.MS, got.Token != "" && (got.Token == stored) == (lifetime > 0), nil
}
