//go:build !(js && wasm)

package keychain_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/keychain"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

// A command that does without a keychain where there is none, and says so.
func ExampleFile() {
	config, err := os.UserConfigDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	dir := filepath.Join(config, "example")
	store, err := keychain.File(context.Background(), filepath.Join(dir, "credentials"), "example", "credentials")
	if err != nil {
		fmt.Fprintln(os.Stderr, "The credentials are not sealed:", err)
		store, err = stores.File(filepath.Join(dir, "credentials.json"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	locker, err := locks.File(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	_ = onerefresh.Options{Name: "example", Store: store, Locker: locker} // and a Refresher
}
