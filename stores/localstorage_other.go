//go:build !(js && wasm)

package stores

import (
	"context"
	"errors"

	"github.com/onerefresh/onerefresh"
)

type localStorage struct{}

func openLocalStorage(string, Format) (*localStorage, error) { return nil, errors.ErrUnsupported }

func (*localStorage) coherent() bool { return false }

func (*localStorage) peek() (*onerefresh.Record, error) {
	return new(onerefresh.Record), errors.ErrUnsupported
}

func (*localStorage) decode(string) (onerefresh.Record, error) {
	return onerefresh.Record{}, errors.ErrUnsupported
}

func (*localStorage) load(context.Context) (*onerefresh.Record, error) {
	return new(onerefresh.Record), errors.ErrUnsupported
}

func (*localStorage) compareAndSwap(_ context.Context, _, _ *onerefresh.Record) error {
	return errors.ErrUnsupported
}

func (*localStorage) watch(func()) (stop func()) { return func() {} }
