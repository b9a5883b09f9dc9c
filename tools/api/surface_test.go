package main

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

const before = `
-- a.go --
package onerefresh

import "github.com/onerefresh/onerefresh/internal"

type Options struct{ Name string }

type Store interface{ Load() (Options, error) }

var ErrEnded = make()

func make() error {}

func Open(o Options) (internal.Session, error) {}
-- internal/session.go --
package internal

type Session struct{}
-- stores/memory.go --
package stores

import "github.com/onerefresh/onerefresh"

func Memory() onerefresh.Store {}
`

func surfaceOf(text string) surface { return surface{text: txtar.Parse([]byte(text))} }

func TestBroken(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, new string // what is replaced
		want     []string
	}{
		{"nothing", "", "", nil},
		{"a function is removed", "func Memory() onerefresh.Store {}", "func Memories() onerefresh.Store {}", []string{"stores: Memory: removed"}},
		{"one is added", "func Memory()", "func File() onerefresh.Store {}; func Memory()", nil},
		{"a field is added", "Name string", "Name, Other string", nil},
		{"a field is removed", "Name string", "", []string{".: Options.Name: removed"}},
		{"a method is added to an interface", "Load()", "Peek(); Load()", []string{".: Store.Peek: added"}},
		{"a parameter is added", "o Options", "o Options, more ...int", []string{".: Open: changed from func(Options) (github.com/onerefresh/onerefresh/internal.Session, error) to func(Options, ...int) (github.com/onerefresh/onerefresh/internal.Session, error)"}},
		{"a type changes with what nobody names", "func make() error", "func make() string", []string{".: ErrEnded: changed from error to string"}},
		{"what is not exported is removed", "type Options", "type unused int; type Options", nil},
		{"a package is removed", "-- stores/memory.go --", "-- cmd/memory.go --", []string{"stores: package removed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			old := surfaceOf(before)
			if !strings.Contains(before, c.old) {
				t.Fatal("nothing is replaced")
			}
			now := surfaceOf(strings.Replace(before, c.old, c.new, 1))
			got, err := broken(old, now)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// What strip leaves is enough for the types, and of the module as it is nothing
// is broken; without one name it is.
func TestModule(t *testing.T) {
	for _, p := range platforms {
		now, err := read(p.os, p.arch)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := broken(now, now); err != nil || got != nil {
			t.Errorf("%s: %q, %v", p.name, got, err)
		}
		without := surface{&txtar.Archive{}, now.imports}
		for _, f := range now.text.Files {
			if f.Name != "endpoint/revoker.go" {
				without.text.Files = append(without.text.Files, f)
			}
		}
		got, err := broken(now, without)
		if err != nil || len(got) != 1 || !strings.HasPrefix(got[0], "endpoint: ") {
			t.Errorf("%s: %q, %v", p.name, got, err)
		}
	}
}
