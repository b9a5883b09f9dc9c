//go:build !(js && wasm)

package keychain_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zalando/go-keyring"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/keychain"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/stores/storestest"
)

const (
	program = "onerefresh test"
	envFile = "ONEREFRESH_TEST_FILE"
)

func open(t *testing.T, path string) *stores.FileStore {
	t.Helper()
	s, err := keychain.File(t.Context(), path, program, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func record(generation uint64, access string) onerefresh.Record {
	return onerefresh.Record{Generation: generation, Epoch: 1, Token: onerefresh.Token{AccessToken: access, RefreshToken: "r"}}
}

func swap(t *testing.T, s onerefresh.Store, old, new onerefresh.Record) {
	t.Helper()
	if err := s.CompareAndSwap(t.Context(), old, new); err != nil {
		t.Fatal(err)
	}
}

func TestFile(t *testing.T) {
	needService(t)
	path := filepath.Join(t.TempDir(), "credentials")
	storestest.Run(t, func() onerefresh.Store { return open(t, path) })
}

func TestTheFileIsWorthNothingWithoutTheKey(t *testing.T) {
	needService(t)
	path := filepath.Join(t.TempDir(), "credentials")
	swap(t, open(t, path), onerefresh.Record{}, record(1, "the access token"))
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), "token") {
		t.Errorf("%q, %v", text, err)
	}
	if rec, err := open(t, path).Load(t.Context()); err != nil || rec.Token.AccessToken != "the access token" {
		t.Errorf("%+v, %v", rec, err)
	}
	var unreadable *onerefresh.RecordError
	if err := keyring.Delete(program, t.Name()); err != nil {
		t.Fatal(err)
	}
	s := open(t, path) // with a new key
	if rec, err := s.Load(t.Context()); !errors.As(err, &unreadable) || rec.Token.AccessToken != "" {
		t.Errorf("without the key: %+v, %v", rec, err)
	}
	swap(t, s, onerefresh.Record{}, record(1, "signed in anew"))
	if rec, err := open(t, path).Load(t.Context()); err != nil || rec.Token.AccessToken != "signed in anew" {
		t.Errorf("%+v, %v", rec, err)
	}
}

// What the keychain has for that name may be another program's.
func TestWhatIsNoKeyIsLeftAlone(t *testing.T) {
	needService(t)
	if err := keyring.Set(program, t.Name(), "a password"); err != nil {
		t.Fatal(err)
	}
	if _, err := keychain.File(t.Context(), filepath.Join(t.TempDir(), "credentials"), program, t.Name()); err == nil {
		t.Error("no error")
	}
	if text, err := keyring.Get(program, t.Name()); err != nil || text != "a password" {
		t.Errorf("%q, %v", text, err)
	}
}

// work is done by a process of its own: to count up what the file has.
func work(path string) error {
	ctx := context.Background()
	s, err := keychain.File(ctx, path, program, filepath.Base(path))
	if err != nil {
		return err
	}
	for {
		rec, err := s.Load(ctx)
		if err != nil {
			return err
		}
		next := rec
		next.Generation++
		next.Token.AccessToken += "x"
		if err := s.CompareAndSwap(ctx, rec, next); !errors.Is(err, onerefresh.ErrConflict) {
			return err
		}
	}
}

// start runs work in a process, with more in its environment.
func start(path string, environment ...string) error {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), envFile+"="+path), environment...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// A key of its own for each process, and they could not read each other.
func TestProcessesThatComeFirstMakeOneKey(t *testing.T) {
	needService(t)
	const count = 8
	path := filepath.Join(t.TempDir(), "shared")
	var wg sync.WaitGroup
	for range count {
		wg.Go(func() {
			if err := start(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s, err := keychain.File(t.Context(), path, program, "shared")
	if err != nil {
		t.Fatal(err)
	}
	if rec, err := s.Load(t.Context()); err != nil || len(rec.Token.AccessToken) != count {
		t.Errorf("%d processes wrote %q, %v", count, rec.Token.AccessToken, err)
	}
}

func TestWithoutAKeychainNothingIsWritten(t *testing.T) {
	needService(t)
	path := filepath.Join(t.TempDir(), "made", "credentials")
	err := start(path, address+"=unix:path="+filepath.Join(t.TempDir(), "none"))
	if err == nil || !strings.Contains(err.Error(), "keychain:") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
}

// Who does without a keychain does without what it needs.
func TestOtherPackagesDoNotImportIt(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}",
		"..", "../endpoint", "../group", "../locks", "../redis", "../stores").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zalando", "godbus", "wincred"} {
		if strings.Contains(string(out), name) {
			t.Errorf("%s is imported", name)
		}
	}
}
