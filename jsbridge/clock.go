//go:build js && wasm

package jsbridge

import "time"

// Clock is the wall clock of the page.
type Clock struct{}

// Now returns the time. It may be without a monotonic clock reading.
func (Clock) Now() time.Time { return now() }
