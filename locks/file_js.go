//go:build js && wasm

package locks

import (
	"context"
	"errors"
)

type lockDir struct{}

func openLockDir(string) (lockDir, error) { return lockDir{}, errors.ErrUnsupported }

func (lockDir) lock(context.Context, string) (release func(), err error) {
	return nil, errors.ErrUnsupported
}
