//go:build !(js && wasm)

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
)

// results are what the parts have measured, times in ms.
type results struct {
	Machine map[string]string          // by part: on what, and when
	Sizes   map[string]size            // by file
	Start   map[string]*starts         // by peer
	Hot     map[string]*hot            // by peer
	Storms  map[int]map[string]*storms // by number of tabs and peer
	Memory  map[string]*memory         // by peer; "" is the empty page
}

type starts struct {
	ValidCold, ValidWarm, ExpiredCold, ExpiredWarm []float64
	Wrong                                          int // pages without a token, or with another than the one to be expected
}

type hot struct {
	Calls         []float64 // µs a call
	Bursts        []float64 // ms for 1,000 calls at once
	NoticesToken  bool      // another tab's
	NoticesLogout bool
}

type storms struct {
	First, Second expiries // after a sign-in
	Trouble       string   // why there are no more of them
}

type expiries struct {
	Storms, Lost, Reuse int
	Exchanges           int
	FirstTab, LastTab   []float64 // of storms that were not lost
	Errors              []string
}

type memory struct {
	Process, Script []float64 // bytes a tab
}

func load(path string) (*results, error) {
	r := &results{
		Machine: map[string]string{},
		Sizes:   map[string]size{},
		Start:   map[string]*starts{},
		Hot:     map[string]*hot{},
		Storms:  map[int]map[string]*storms{},
		Memory:  map[string]*memory{},
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(text, r)
}

func (r *results) save(path string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o666)
}

// quantile returns NaN for nothing.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

func median(values []float64) float64 { return quantile(values, 0.5) }
