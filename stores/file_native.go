//go:build !(js && wasm)

package stores

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/filelock"
	"github.com/onerefresh/onerefresh/internal/seal"
)

type file struct {
	path string
	keys seal.Keys // nil where nothing is sealed
	poll poll

	mu   sync.Mutex
	last reading // guarded by mu
}

// A reading is what a file held.
type reading struct {
	info fs.FileInfo // nil where there was no file
	at   time.Time
	rec  onerefresh.Record
	err  error
}

func openFile(path string) (*file, error) {
	// A process may change its working folder.
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f := &file{path: path}
	f.poll.look = f.look
	return f, nil
}

func openSealedFile(path string, keys [][]byte) (*file, error) {
	sealing, err := seal.New(keys)
	if err != nil {
		return nil, err
	}
	f, err := openFile(path)
	if err == nil {
		f.keys = sealing
	}
	return f, err
}

// sealName is what the records of files are sealed under: not their path, which
// may change.
const sealName = "file"

func (f *file) encode(rec onerefresh.Record) (string, error) {
	text, err := Encode(rec)
	if err != nil || f.keys == nil {
		return text, err
	}
	return f.keys.Seal(sealName, text)
}

func (f *file) decode(path, text string) (onerefresh.Record, error) {
	if f.keys != nil {
		var ok bool
		if text, ok = f.keys.Open(sealName, text); !ok {
			return onerefresh.Record{}, &onerefresh.RecordError{Where: path, Problem: "none of the keys opens it"}
		}
	}
	return Decode(path, text)
}

// tick is how far apart two writes of a file may be and still leave the same
// time of modification, which a file system keeps to the second, to two, or as
// its clock ticks.
func tick(modified time.Time) time.Duration {
	if modified.Nanosecond()%int(time.Millisecond) != 0 {
		return 20 * time.Millisecond
	}
	return 2 * time.Second
}

// holds reports whether the file is sure to be the one that was read.
func (r reading) holds(info fs.FileInfo) bool {
	return r.info != nil &&
		os.SameFile(r.info, info) &&
		r.info.ModTime().Equal(info.ModTime()) &&
		r.info.Size() == info.Size() &&
		r.info.Mode() == info.Mode() &&
		r.at.Sub(info.ModTime()) > tick(info.ModTime())
}

func (f *file) peek() (onerefresh.Record, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return onerefresh.Record{}, nil
	}
	if err == nil {
		f.mu.Lock()
		last := f.last
		f.mu.Unlock()
		if last.holds(info) {
			return clone(last.rec), last.err
		}
	}
	return f.load()
}

func (f *file) load() (onerefresh.Record, error) {
	r, err := f.read(f.path)
	if err != nil {
		return onerefresh.Record{}, err
	}
	f.mu.Lock()
	f.last = r
	f.mu.Unlock()
	return clone(r.rec), r.err
}

// look returns what changes with the record, whoever writes it.
func (f *file) look() any {
	rec, err := f.peek()
	return struct {
		generation      uint64
		access, refresh string
		failed          bool
	}{rec.Generation, rec.Token.AccessToken, rec.Token.RefreshToken, err != nil}
}

func (f *file) watch(changed func()) (stop func()) { return f.poll.watch(changed) }

// mostBytes is more than any record has.
const mostBytes = 16 << 20

// read returns what is at path. A file that cannot be understood is a reading,
// one that cannot be read is an error.
func (f *file) read(path string) (r reading, err error) {
	r.at = time.Now()
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return r, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")} // to open a pipe waits
	}
	var text []byte
	err = insist(func() error {
		opened, err := os.Open(path)
		if err != nil {
			return err
		}
		defer opened.Close()
		if r.info, err = opened.Stat(); err != nil {
			return err
		}
		text, err = io.ReadAll(io.LimitReader(opened, mostBytes))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.rec, r.err = f.decode(path, string(text))
	if mode := r.info.Mode().Perm(); r.err == nil && mode&0o077 != 0 && runtime.GOOS != "windows" {
		r.rec = onerefresh.Record{Generation: r.rec.Generation}
		r.err = &onerefresh.RecordError{Where: path, Problem: fmt.Sprintf("others may read or write the file: its mode is %04o instead of 0600", mode)}
	}
	return r, nil
}

func (f *file) compareAndSwap(ctx context.Context, old, new onerefresh.Record) error {
	text, err := f.encode(new)
	if err != nil {
		return err
	}
	if err := f.swap(ctx, old.Generation, text); err != nil {
		return err
	}
	f.poll.notify()
	return nil
}

// swap replaces the file if it holds a generation.
func (f *file) swap(ctx context.Context, generation uint64, text string) error {
	for {
		target, err := resolve(f.path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		unlock, err := filelock.Lock(ctx, target+".lock")
		if err != nil {
			return err
		}
		if now, err := resolve(f.path); err != nil || now != target {
			unlock() // the link leads elsewhere
			continue
		}
		defer unlock()
		current, err := f.read(target)
		switch {
		case err != nil:
			return err
		case current.rec.Generation != generation:
			return onerefresh.ErrConflict
		}
		return replace(target, text)
	}
}

// resolve follows path as long as that is a symbolic link, even if it leads
// nowhere yet.
func resolve(path string) (string, error) {
	for range 40 {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, err
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", &fs.PathError{Op: "resolve", Path: path, Err: errors.New("too many links")}
}

// replace writes a new file, and puts it in the place of target, as one step.
func replace(target, text string) error {
	temp := target + ".tmp"
	os.Remove(temp) // of a process that died: whoever writes has the lock
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = insist(func() error { return os.Rename(temp, target) })
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	// Some file systems have no such thing, and the swap is done.
	if dir, err := os.Open(filepath.Dir(target)); err == nil {
		dir.Sync()
		dir.Close()
	}
	return nil
}

// insist tries again where Windows refuses to replace a file that somebody is
// reading, or to read one that is being replaced.
func insist(do func() error) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := do()
		if err == nil || runtime.GOOS != "windows" || errors.Is(err, fs.ErrNotExist) || wait > time.Second {
			return err
		}
		time.Sleep(wait)
	}
}
