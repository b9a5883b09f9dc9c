//go:build !(js && wasm)

package stores_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/stores/storestest"
)

func openFile(t *testing.T, path string) *stores.FileStore {
	t.Helper()
	s, err := stores.File(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "credentials.json")
	storestest.Run(t, func() onerefresh.Store { return openFile(t, path) })
}

func TestFileStoreOfOneProcess(t *testing.T) {
	store := openFile(t, filepath.Join(t.TempDir(), "credentials.json"))
	storestest.Run(t, func() onerefresh.Store { return store })
}

func signedIn(access string) onerefresh.Record {
	return onerefresh.Record{Generation: 1, Epoch: 1, Token: onerefresh.Token{AccessToken: access, RefreshToken: "r"}}
}

func swapped(t *testing.T, s onerefresh.Store, old, new onerefresh.Record) {
	t.Helper()
	if err := s.CompareAndSwap(t.Context(), old, new); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsForItsOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	path := filepath.Join(t.TempDir(), "config", "credentials.json")
	store := openFile(t, path)
	swapped(t, store, onerefresh.Record{}, signedIn("a"))
	for name, want := range map[string]os.FileMode{path: 0o600, path + ".lock": 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %v", filepath.Base(name), info.Mode(), err, want)
		}
	}

	for _, mode := range []os.FileMode{0o644, 0o640, 0o620, 0o602} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		var refused *onerefresh.RecordError
		rec, err := store.Load(t.Context())
		if !errors.As(err, &refused) || rec.Generation != 1 || rec.Token.AccessToken != "" {
			t.Errorf("mode %v: record %+v, error %v", mode, rec, err)
		}
		if _, err := store.Peek(); !errors.As(err, &refused) {
			t.Errorf("mode %v: error of Peek %v", mode, err)
		}
	}
	next := signedIn("b")
	next.Generation = 2
	swapped(t, store, onerefresh.Record{Generation: 1}, next)
	if rec, err := store.Load(t.Context()); err != nil || rec.Token.AccessToken != "b" {
		t.Errorf("after it was replaced: %v", err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("after it was replaced its mode is %v", info.Mode())
	}
}

func TestFileBehindALinkIsReplacedAndTheLinkStays(t *testing.T) {
	for _, relative := range []bool{false, true} {
		dir := t.TempDir()
		target, link := filepath.Join(dir, "dotfiles", "credentials.json"), filepath.Join(dir, "link")
		to := target
		if relative {
			to = filepath.Join("dotfiles", "credentials.json")
		}
		if err := os.Symlink(to, link); err != nil {
			t.Skip(err)
		}
		byLink, direct := openFile(t, link), openFile(t, target)
		swapped(t, byLink, onerefresh.Record{}, signedIn("a")) // it leads nowhere yet
		next := signedIn("b")
		next.Generation = 2
		swapped(t, direct, signedIn("a"), next)
		if rec, err := byLink.Load(t.Context()); err != nil || rec.Token.AccessToken != "b" {
			t.Errorf("by the link: %v", err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link is gone: %v", err)
		}
		if err := byLink.CompareAndSwap(t.Context(), signedIn("a"), next); err != onerefresh.ErrConflict {
			t.Errorf("a swap by the link does not see one of the target: %v", err)
		}
	}
}

// What a process that was killed has left must not be used, followed or in the
// way.
func TestLeftoversAreReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "credentials.json")
	store := openFile(t, path)
	swapped(t, store, onerefresh.Record{}, signedIn("a"))
	elsewhere := filepath.Join(dir, "elsewhere")
	if err := os.Symlink(elsewhere, path+".tmp"); err != nil {
		if err := os.WriteFile(path+".tmp", []byte(`{"v":1,"gen`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	next := signedIn("b")
	next.Generation = 2
	swapped(t, store, signedIn("a"), next)
	if rec, err := store.Load(t.Context()); err != nil || rec.Token.AccessToken != "b" {
		t.Errorf("record %v, error %v", rec.Generation, err)
	}
	if _, err := os.Lstat(path + ".tmp"); err == nil {
		t.Error("the leftover is still there")
	}
	if _, err := os.Lstat(elsewhere); err == nil {
		t.Error("a link in the place of the new file was followed")
	}
}

func TestFileThatIsNoRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	for _, text := range []string{"", "{", "[]", `{"v":2}`, "\x00\x00\x00", strings.Repeat("[", 100_000)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		store := openFile(t, path)
		var bad *onerefresh.RecordError
		rec, err := store.Load(t.Context())
		if !errors.As(err, &bad) || bad.Where != path {
			t.Errorf("%.20q: error %v", text, err)
		}
		swapped(t, store, rec, onerefresh.Record{Generation: rec.Generation + 1, Writer: "w"})
		if rec, err := store.Load(t.Context()); err != nil || rec.Writer != "w" {
			t.Errorf("%.20q was not replaced: %v", text, err)
		}
	}
}

func TestFileOfOtherCode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	store := openFile(t, path)
	swapped(t, store, onerefresh.Record{}, signedIn("a"))
	if err := os.WriteFile(path, []byte(`{"v":1,"access_token":"theirs"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if rec, err := store.Peek(); err != nil || rec.Token.AccessToken != "theirs" || rec.Generation != 0 {
		t.Errorf("%v, %v", rec.Generation, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if rec, err := store.Peek(); err != nil || rec.Token.AccessToken != "" {
		t.Errorf("after its removal: %v", err)
	}
	if err := store.CompareAndSwap(t.Context(), signedIn("a"), signedIn("late")); err != onerefresh.ErrConflict {
		t.Errorf("a late swap after the removal: %v", err)
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	store := openFile(t, t.TempDir())
	if _, err := store.Load(t.Context()); err == nil {
		t.Error("Load reads a folder")
	}
	if err := store.CompareAndSwap(t.Context(), onerefresh.Record{}, signedIn("a")); err == nil {
		t.Error("CompareAndSwap replaces a folder")
	}
}

func TestNobodyLooksAtTheFileWhenNobodyWatches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	synctest.Test(t, func(t *testing.T) {
		store := openFile(t, path)
		var calls atomic.Int64
		for range 3 {
			defer store.Watch(func() { calls.Add(1) })()
		}
		time.Sleep(time.Hour)
		if err := os.WriteFile(path, []byte(`{"v":1,"access_token":"theirs"}`), 0o600); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if calls.Load() != 3 {
			t.Errorf("%d calls of three watchers", calls.Load())
		}
		// The bubble does not end while a goroutine goes on.
	})
}

func openSealed(t *testing.T, path string, keys ...byte) *stores.FileStore {
	t.Helper()
	var all [][]byte
	for _, k := range keys {
		all = append(all, bytes.Repeat([]byte{k}, 32))
	}
	s, err := stores.SealedFile(path, all...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "credentials")
	storestest.Run(t, func() onerefresh.Store { return openSealed(t, path, 'k') })
}

func TestSealedFileHidesItsRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	swapped(t, openSealed(t, path, 'a'), onerefresh.Record{}, signedIn("access"))
	text, err := os.ReadFile(path)
	if err != nil || bytes.Contains(text, []byte("access")) {
		t.Errorf("%q, %v", text, err)
	}

	next := signedIn("next")
	next.Generation = 2
	swapped(t, openSealed(t, path, 'b', 'a'), signedIn("access"), next)
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := len(sealed) - 1
	for _, c := range []struct {
		name string
		text []byte
		key  byte
	}{
		{"the key before", sealed, 'a'},
		{"cut", sealed[:last], 'b'},
		{"changed", append(bytes.Clone(sealed[:last]), sealed[last]^1), 'b'},
		{"empty", nil, 'b'},
		{"not sealed", []byte(`{"v":1,"generation":9,"access_token":"a thief's","expires_at":9007199254740991}`), 'b'},
	} {
		if err := os.WriteFile(path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		var refused *onerefresh.RecordError
		if rec, err := openSealed(t, path, c.key).Load(t.Context()); !errors.As(err, &refused) || rec.Token.AccessToken != "" {
			t.Errorf("%s: %+v, %v", c.name, rec, err)
		}
	}
	swapped(t, openSealed(t, path, 'a'), onerefresh.Record{}, signedIn("anew"))
	if rec, err := openSealed(t, path, 'a').Load(t.Context()); err != nil || rec.Token.AccessToken != "anew" {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestSealedFileNeedsAKey(t *testing.T) {
	for _, keys := range [][][]byte{nil, {make([]byte, 16)}, {make([]byte, 32), nil}} {
		if _, err := stores.SealedFile("credentials", keys...); !errors.Is(err, onerefresh.ErrInvalidOptions) {
			t.Errorf("error %v", err)
		}
	}
}
