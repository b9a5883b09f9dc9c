//go:build js && wasm

package stores

import (
	"context"
	"errors"

	"github.com/onerefresh/onerefresh"
)

type file struct{}

func openFile(string) (*file, error) { return nil, errors.ErrUnsupported }

func openSealedFile(string, [][]byte) (*file, error) { return nil, errors.ErrUnsupported }

func (*file) peek() (onerefresh.Record, error) { return onerefresh.Record{}, errors.ErrUnsupported }

func (*file) load() (onerefresh.Record, error) { return onerefresh.Record{}, errors.ErrUnsupported }

func (*file) compareAndSwap(_ context.Context, _, _ onerefresh.Record) error {
	return errors.ErrUnsupported
}

func (*file) watch(func()) (stop func()) { return func() {} }
