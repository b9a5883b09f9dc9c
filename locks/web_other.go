//go:build !(js && wasm)

package locks

import (
	"context"
	"errors"
)

type lockManager struct{}

func webLockManager() (lockManager, error) { return lockManager{}, errors.ErrUnsupported }

func (lockManager) probe(context.Context) error { return errors.ErrUnsupported }

func (lockManager) lock(context.Context, string) (context.Context, func(), error) {
	return nil, nil, errors.ErrUnsupported
}
