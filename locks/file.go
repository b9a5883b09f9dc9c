package locks

import (
	"context"
	"sync"

	"github.com/onerefresh/onerefresh"
)

// A FileLocker is a [onerefresh.Locker] among all processes of a machine that
// use the same folder, by the file locks of the operating system: flock on
// Linux, macOS and the BSDs, LockFileEx on Windows.
//
// When a process ends, however that happens, the operating system releases what
// it held. Each name has an empty file of its own, which stays. A lock is lost
// only if somebody removes its file, and that is not noticed by its holder, but
// by everyone who asks from then on.
//
// Whether the locks of a network file system reach other machines is for that
// to say.
type FileLocker struct{ dir lockDir }

var _ onerefresh.Locker = (*FileLocker)(nil)

// File returns the locker of a folder, which is made, for this user alone, if
// there is none. The error is [errors.ErrUnsupported] in a browser.
func File(dir string) (*FileLocker, error) {
	opened, err := openLockDir(dir)
	if err != nil {
		return nil, err
	}
	return &FileLocker{opened}, nil
}

// Shared returns true: whoever shares a file can share the folder of its lock.
func (l *FileLocker) Shared() bool { return true }

// Lock implements [onerefresh.Locker]. It fails if ctx ends, and if the file
// system has no locks. Any name will do.
func (l *FileLocker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	release, err := l.dir.lock(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	held, end := hold(ctx)
	return held, sync.OnceFunc(func() {
		end(nil)
		release()
	}), nil
}
