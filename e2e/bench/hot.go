//go:build !(js && wasm)

package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"
)

const slice = 60 // ms, of calls

// measureHot takes the time of calls with a valid token, in turns.
func measureHot(r *results, built string, all []peer, rounds int) error {
	s, err := newStage(built)
	if err != nil {
		return err
	}
	defer s.end()
	clear(r.Hot)
	tabs := map[string]*tab{}
	for _, p := range all {
		if p.Floor {
			continue
		}
		name := "hot-" + p.Name
		if _, err := eval[string](s.control, "bench.seed(%q, %q, 3600)", p.Name, name); err != nil {
			return err
		}
		page, err := s.open("/page/hot.html?" + url.Values{"peer": {p.Name}, "name": {name}}.Encode())
		if err != nil {
			return err
		}
		if err := page.wait("window.hot?.isolated"); err != nil {
			return err
		}
		tabs[p.Name], r.Hot[p.Name] = page, &hot{}
	}
	time.Sleep(3 * time.Second) // pages may do more once they are idle
	for round := -1; round < rounds; round++ {
		for _, i := range rand.Perm(len(all)) {
			p := all[i]
			page, got := tabs[p.Name], r.Hot[p.Name]
			if p.Floor {
				continue
			}
			if err := page.toFront(); err != nil {
				return err
			}
			call, err := eval[float64](page, "hot.calls(%d)", slice)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			burst, err := eval[float64](page, "hot.burst(%d)", slice)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			if round >= 0 {
				got.Calls, got.Bursts = append(got.Calls, call), append(got.Bursts, burst)
			}
		}
		progress("hot path", round+1, rounds)
	}
	for name, page := range tabs {
		if err := s.look(name, page, r.Hot[name]); err != nil {
			return err
		}
	}
	return nil
}

// look finds out whether a call sees what another tab did a moment ago.
func (s *stage) look(name string, page *tab, got *hot) error {
	type answer struct {
		Token string `json:"token"`
		Error string `json:"error"`
	}
	const spread = 300 * time.Millisecond // for the storage event, and a reload
	token, err := eval[string](s.control, "bench.seed(%q, %q, 3600)", name, "hot-"+name)
	if err != nil {
		return err
	}
	time.Sleep(spread)
	a, err := eval[answer](page, "hot.ask()")
	if err != nil {
		return err
	}
	got.NoticesToken = a.Token == token
	if _, err := eval[any](s.control, "bench.forget(%q)", "hot-"+name); err != nil {
		return err
	}
	time.Sleep(spread)
	if err := page.wait("window.hot"); err != nil {
		return err
	}
	if a, err = eval[answer](page, "hot.ask()"); err != nil {
		return err
	}
	got.NoticesLogout = a.Token == ""
	return nil
}
