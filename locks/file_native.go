//go:build !(js && wasm)

package locks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"

	"github.com/onerefresh/onerefresh/internal/filelock"
)

type lockDir string

func openLockDir(dir string) (lockDir, error) {
	// Processes may change their working folder.
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return lockDir(dir), os.MkdirAll(dir, 0o700)
}

func (d lockDir) lock(ctx context.Context, name string) (release func(), err error) {
	return filelock.Lock(ctx, filepath.Join(string(d), lockFileName(name)))
}

// lockFileName returns a file name for the lock of any name. What can be read
// of the name is in it for humans; the digest tells names apart on file systems
// that ignore case.
func lockFileName(name string) string {
	readable := make([]byte, 0, 32)
	for _, c := range []byte(name) {
		if len(readable) == cap(readable) {
			break
		}
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			c = '_'
		}
		readable = append(readable, c)
	}
	sum := sha256.Sum256([]byte(name))
	return "onerefresh-" + string(readable) + "-" + hex.EncodeToString(sum[:16]) + ".lock"
}
