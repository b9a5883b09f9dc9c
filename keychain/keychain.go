// Package keychain seals the credential file of a program with a key that the
// keychain of the operating system keeps: that of macOS, the Credential Manager
// of Windows, and on Linux and the BSDs whatever offers the Secret Service, such
// as GNOME Keyring, KWallet and KeePassXC.
//
// The keychain has the key alone, and is asked once. The record itself is in a
// [stores.FileStore]: keychains have no compare-and-swap, tell nobody of changes,
// and some hold less than 3 kB. So processes that share the file are coordinated
// as with [stores.File], by locks.File.
//
// What this protects is the file: a copy of it, in a backup or a synchronized
// folder, is worth nothing. Programs of the same user can ask most keychains for
// the key.
//
// It is a package of its own so that other programs do without its dependencies,
// https://github.com/zalando/go-keyring and what that needs. cgo is not used.
package keychain

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/zalando/go-keyring"

	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

// keyBytes is what [stores.SealedFile] takes.
const keyBytes = 32

// File returns the store in the file at path, sealed by the key that the keychain
// has for account at service, which is usually the name of the program. If it has
// none, one is made, by one of the processes that share the folder of the file.
// Whoever removes the key signs out, and has what is running started again.
//
// The error wraps that of the keychain: there may be none, as on most servers and
// in containers, where [stores.File] is left. Then nothing is written. To ask the
// keychain may take as long as its user needs to unlock it; ctx bounds only the
// wait for another process that asks.
func File(ctx context.Context, path, service, account string) (*stores.FileStore, error) {
	key, err := find(service, account)
	if errors.Is(err, keyring.ErrNotFound) {
		key, err = create(ctx, filepath.Dir(path), service, account)
	}
	if err != nil {
		return nil, fmt.Errorf("keychain: %w", err)
	}
	return stores.SealedFile(path, key)
}

func find(service, account string) ([]byte, error) {
	text, err := keyring.Get(service, account)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("what it has for %s at %s is no key", account, service)
	}
	return key, nil
}

// create makes a key, unless another process has made it in the meantime.
func create(ctx context.Context, dir, service, account string) ([]byte, error) {
	locker, err := locks.File(dir)
	if err != nil {
		return nil, err
	}
	_, unlock, err := locker.Lock(ctx, "the key of "+account+" at "+service)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if key, err := find(service, account); !errors.Is(err, keyring.ErrNotFound) {
		return key, err
	}
	key := make([]byte, keyBytes)
	rand.Read(key)
	if err := keyring.Set(service, account, base64.StdEncoding.EncodeToString(key)); err != nil {
		return nil, err
	}
	return find(service, account) // as others will
}
