//go:build !(js && wasm)

// Bench measures onerefresh against other clients, in real tabs of one Chromium,
// each in a renderer process of its own, against one authorization server. It
// writes docs/bench.md and its charts. Run it by make bench, which installs what
// it needs.
//
// With -only it measures a part, and keeps what it had measured of the others.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onerefresh/onerefresh/internal/chromium"
)

var parts = []string{"sizes", "start", "hot", "storms", "memory"}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	only := flag.String("only", strings.Join(parts, ","), "what to measure")
	tabs := flag.String("tabs", "2,5,10,20,50", "numbers of tabs in storms")
	runs := flag.Float64("runs", 1, "how often to measure, as a share of the usual")
	compilers := flag.String("compilers", cmp.Or(os.Getenv("COMPILER"), "tinygo,go"), "what compiles the module; for each beyond the first there is a row of its own")
	names := flag.String("peers", "", "which peers to measure, of the names in peers; default all")
	kept := flag.String("results", filepath.Join("bin", "bench.json"), "`file` in which measurements are kept")
	docs := flag.String("docs", "docs", "`folder` to write bench.md and bench/*.svg to; empty for none")
	rebuild := flag.Bool("build", true, "bundle what is measured; without it what was bundled before is")
	flag.Parse()
	if err := bench(strings.Split(*only, ","), *tabs, *runs, strings.Split(*compilers, ","), *names, *kept, *docs, *rebuild); err != nil {
		log.Fatal(err)
	}
}

func bench(only []string, tabs string, runs float64, compilers []string, names, kept, docs string, rebuild bool) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, "e2e", "bench")); err != nil {
		return errors.New("run this in the root of the module")
	}
	all, err := peers(root, compilers)
	if err != nil {
		return err
	}
	measured := all
	if names != "" {
		chosen := strings.Split(names, ",")
		measured = slices.DeleteFunc(slices.Clone(all), func(p peer) bool { return !slices.Contains(chosen, p.Name) })
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o777); err != nil {
		return err
	}
	r, err := load(kept)
	if err != nil {
		return fmt.Errorf("%s: %w", kept, err)
	}
	built, err := filepath.Abs(filepath.Join("bin", "bench"))
	if err != nil {
		return err
	}
	if rebuild {
		if r.Sizes, err = build(root, built, compilers); err != nil {
			return err
		}
	}
	times := func(n int) int { return max(1, int(float64(n)*runs)) }
	on, err := machine()
	if err != nil {
		return err
	}
	for _, part := range only {
		if part == "" {
			continue
		}
		r.Machine[part] = on // of what is kept before its end, too
		switch part {
		case "sizes": // they were taken when it was built
		case "start":
			err = measureStart(r, built, measured, times(15))
		case "hot":
			err = measureHot(r, built, measured, times(15))
		case "storms":
			for _, text := range strings.Split(tabs, ",") {
				n, err := strconv.Atoi(text)
				if err != nil {
					return err
				}
				signIns := times(10)
				rounds := min(2, signIns)
				if err := measureStorms(r, built, measured, n, rounds, signIns/rounds, func() error { return r.save(kept) }); err != nil {
					return err
				}
			}
		case "memory":
			err = measureMemory(r, built, measured, times(3))
		default:
			return fmt.Errorf("there is no part %s: there are %s", part, strings.Join(parts, ", "))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
		if err := r.save(kept); err != nil {
			return err
		}
	}
	if docs == "" {
		return nil
	}
	return report(r, all, docs)
}

// machine says on what the measurements are made, and when.
func machine() (string, error) {
	path, err := chromium.Find()
	if err != nil {
		return "", err
	}
	browser, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	return fmt.Sprintf("%s; %s; %s, %s/%s, %d cores", time.Now().Format("2 January 2006"), strings.TrimSpace(string(browser)),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU()), nil
}

func progress(what string, done, of int) {
	if done > 0 {
		fmt.Fprintf(os.Stderr, "%s: %d of %d\n", what, done, of)
	}
}
