//go:build !(js && wasm)

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// measureMemory takes what all processes of the browser have for themselves, by
// how much that grows with each tab that had to refresh its token, and what
// JavaScript has of it. The former includes the memory of the module and its
// code. See https://wicg.github.io/performance-measure-memory/.
func measureMemory(r *results, built string, all []peer, rounds int) error {
	clear(r.Memory)
	all = append([]peer{{}}, all...)
	for round := range rounds {
		for _, i := range rand.Perm(len(all)) {
			p := all[i]
			if p.Floor {
				continue
			}
			if r.Memory[p.Name] == nil {
				r.Memory[p.Name] = &memory{}
			}
			if err := r.Memory[p.Name].measure(built, p); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
		}
		progress("memory", round+1, rounds)
	}
	return nil
}

const weighed = 5 // tabs

func (m *memory) measure(built string, p peer) error {
	// Or the browser waits for a collection of its own, for up to 20 s.
	s, err := newStage(built, chromedp.Flag("enable-blink-features", "ForceEagerMeasureMemory"))
	if err != nil {
		return err
	}
	defer s.end()
	var tabs []*tab
	open := func(i int) error {
		path := "/page/empty.html"
		if p.Name != "" {
			name := fmt.Sprint("memory-", p.Name, i)
			if _, err := eval[string](s.control, "bench.seed(%q, %q, 0)", p.Name, name); err != nil {
				return err
			}
			path = "/page/start.html?" + url.Values{"peer": {p.Name}, "name": {name}}.Encode()
		}
		t, err := s.open(path)
		if err != nil {
			return err
		}
		tabs = append(tabs, t)
		if p.Name != "" {
			_, err = eval[any](t, "started")
		}
		return err
	}
	before := 0.0
	for i := range weighed + 1 {
		if i == 1 { // after the first the browser has all that it needs for any
			if before, err = s.private(tabs); err != nil {
				return err
			}
		}
		if err := open(i); err != nil {
			return err
		}
	}
	after, err := s.private(tabs)
	if err != nil {
		return err
	}
	script, err := eval[float64](tabs[weighed], "performance.measureUserAgentSpecificMemory().then(({ bytes }) => bytes)")
	if err != nil {
		return err
	}
	m.Process = append(m.Process, (after-before)/weighed)
	m.Script = append(m.Script, script)
	return nil
}

// private returns how much memory all processes of the browser have for
// themselves, in bytes, or 0 where that cannot be told, once the tabs are idle
// and have collected their garbage.
func (s *stage) private(tabs []*tab) (bytes float64, err error) {
	time.Sleep(2 * time.Second)
	for _, t := range tabs {
		if _, err := chromedp.Call(t.ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return 0, err
		}
	}
	info, err := chromedp.CallBrowser(s.browser, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		return 0, err
	}
	for _, process := range info.ProcessInfo {
		file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", process.ID))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var kb float64
			for _, format := range []string{"Private_Dirty: %f kB", "Private_Clean: %f kB"} {
				if n, _ := fmt.Sscanf(lines.Text(), format, &kb); n == 1 {
					bytes += 1024 * kb
				}
			}
		}
		file.Close()
	}
	return bytes, nil
}
