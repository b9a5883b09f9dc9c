//go:build js && wasm && !small && !tinygo

package jsbridge

import (
	"errors"
	"syscall/js"

	"github.com/hack-pad/safejs"
)

// try calls f, which is a function of the engine, and returns what that
// returns or, if not ok, what it throws.
//
// With the build tag small it does so without safejs, which brings package fmt
// along: an eighth of what a page downloads.
func try(f js.Value, args []any) (v js.Value, ok bool) {
	result, err := safejs.Safe(f).Invoke(args...)
	var thrown js.Error
	if errors.As(err, &thrown) {
		return thrown.Value, false
	}
	return safejs.Unsafe(result), err == nil
}
