//go:build js && wasm

package main

import (
	"math"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// tokenResponse reads an object that is the answer of a token endpoint. The
// error is a *onerefresh.FieldError, and comes with what could be read.
func tokenResponse(v jsbridge.Value) (onerefresh.Response, error) {
	if !v.IsObject() {
		return onerefresh.Response{}, &onerefresh.FieldError{Problem: "not an object"}
	}
	names, err := keys(v)
	if err != nil {
		return onerefresh.Response{}, &onerefresh.FieldError{Problem: "cannot be read"}
	}
	var r response
	for _, name := range names {
		m, err := v.Get(name)
		switch {
		case err != nil:
			r.breaks(name, "cannot be read")
			continue
		case m.IsUndefined(), m.IsNull():
			continue // as good as missing
		}
		r.member(name, script{m}, func() string {
			text, err := m.JSON()
			if err != nil {
				return ""
			}
			return text
		})
	}
	return r.checked()
}

type script struct{ jsbridge.Value }

func (v script) lifetime() (d time.Duration, problem string) {
	n, ok := v.Number()
	switch {
	case !ok:
		return 0, "not a number"
	case math.IsNaN(n), math.IsInf(n, 0):
		return 0, "not finite"
	case n < 0:
		return 0, "negative"
	}
	return duration(n, time.Second), ""
}

// keys returns the names of v's own members.
func keys(v jsbridge.Value) ([]string, error) {
	object, err := jsbridge.Global().Get("Object")
	if err != nil {
		return nil, err
	}
	list, err := object.Call("keys", v)
	if err != nil {
		return nil, err
	}
	n, err := list.Len()
	if err != nil {
		return nil, err
	}
	names := make([]string, n)
	for i := range names {
		name, err := list.Index(i)
		if err != nil {
			return nil, err
		}
		names[i], _ = name.Text()
	}
	return names, nil
}

// textMember returns a member that is a string, or else the empty string.
func textMember(v jsbridge.Value, name string) string {
	m, err := v.Get(name)
	if err != nil {
		return ""
	}
	s, _ := m.Text()
	return s
}

// numberMember returns a member that is a number, or else 0.
func numberMember(v jsbridge.Value, name string) float64 {
	m, err := v.Get(name)
	if err != nil {
		return 0
	}
	n, _ := m.Number()
	return n
}

// duration returns n units.
func duration(n float64, unit time.Duration) time.Duration {
	return time.Duration(min(n*float64(unit), float64(longest)))
}
