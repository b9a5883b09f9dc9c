//go:build !(js && wasm)

package locks_test

import (
	"errors"
	"testing"

	"github.com/onerefresh/onerefresh/locks"
)

func TestWebIsUnsupported(t *testing.T) {
	if l, err := locks.Web(); l != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Web() = %v, %v; want errors.ErrUnsupported", l, err)
	}
}
