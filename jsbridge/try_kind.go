//go:build js && wasm && !tinygo

package jsbridge

import (
	"syscall/js"
	"time"
)

// kind returns bigint where js.Value.Type panics.
func (v Value) kind() (kind js.Type) {
	defer func() {
		if recover() != nil {
			kind = bigint
		}
	}()
	return v.js.Type()
}

func now() time.Time { return time.Now() }
