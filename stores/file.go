package stores

import (
	"context"

	"github.com/onerefresh/onerefresh"
)

// A FileStore is a [onerefresh.Store] in a file that processes share, such as
// the credentials of a command-line tool. Give its sessions a locker that
// reaches the same processes: that is locks.File.
//
// The file is replaced as a whole: a new one is written beside it, brought to
// the disk, and renamed. A process that is killed at any moment leaves the old
// record or the new one. Swaps exclude each other by a lock of their own, in
// the file with the suffix ".lock", which stays.
//
//   - A new file is readable and writable by its owner alone.
//   - A file that others may read or write, by its mode, is refused with a
//     [*onerefresh.RecordError]: its tokens may be known to them, or be theirs.
//     To sign in replaces it. On Windows the access rights of the folder count
//     alone, and are not looked at.
//   - If path is a symbolic link, what it leads to is replaced, and the link
//     stays.
//   - Whoever removes the file signs out; whoever puts an object without
//     "generation", "writer" and "epoch" there signs in. The format is that of
//     [LocalStorageStore].
//   - The file is looked at again and again while somebody watches it: at first
//     every 5 ms, and every half second in the end. Unlike the notifications of
//     operating systems that works on network file systems and on files that are
//     mounted into a container, and has no limit for each user.
type FileStore struct{ file *file }

var _ onerefresh.Store = (*FileStore)(nil)

// File returns the store in the file at path, which need not exist, nor its
// folder. The error is [errors.ErrUnsupported] in a browser.
func File(path string) (*FileStore, error) {
	opened, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return &FileStore{opened}, nil
}

// SealedFile is like [File], for a record that is worth nothing to who has the
// file and not the key: it is sealed by AES-256-GCM, with the first of keys, and
// opened by all of them. Each has 32 bytes, from a good source of randomness.
// Package keychain keeps one in the keychain of the operating system.
//
// To change the key, let all programs have the new one as their second, and then
// as their first; the old one is needed until the session has been refreshed.
//
// A file that none of the keys opens, and so one that is not sealed, is refused
// with a [*onerefresh.RecordError]. To sign in replaces it. The error is
// [errors.ErrUnsupported] in a browser, and otherwise an [onerefresh.Error] with
// [onerefresh.CodeInvalidOptions], or that of [File].
func SealedFile(path string, keys ...[]byte) (*FileStore, error) {
	opened, err := openSealedFile(path, keys)
	if err != nil {
		return nil, err
	}
	return &FileStore{opened}, nil
}

// Peek implements [onerefresh.Store]. It reads the file if that has changed, so
// that what it returns is never old.
func (s *FileStore) Peek() (onerefresh.Record, error) { return s.file.peek() }

// Load implements [onerefresh.Store].
func (s *FileStore) Load(ctx context.Context) (onerefresh.Record, error) {
	if ctx.Err() != nil {
		return onerefresh.Record{}, context.Cause(ctx)
	}
	return s.file.load()
}

// CompareAndSwap implements [onerefresh.Store]. After any error but
// [onerefresh.ErrConflict] that of the file system says what is wrong, and
// nothing has changed.
func (s *FileStore) CompareAndSwap(ctx context.Context, old, new onerefresh.Record) error {
	return s.file.compareAndSwap(ctx, old, new)
}

// Watch implements [onerefresh.Store]. For swaps by this FileStore changed is
// called by CompareAndSwap, otherwise in a goroutine of its own.
func (s *FileStore) Watch(changed func()) (stop func()) { return s.file.watch(changed) }
