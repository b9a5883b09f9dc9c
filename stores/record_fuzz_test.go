//go:build !(js && wasm)

package stores

import (
	"errors"
	"reflect"
	"testing"

	"github.com/onerefresh/onerefresh"
)

// What can be read, can be written and read again.
// (A page has no files to read the seeds from.)
func FuzzRecord(f *testing.F) {
	f.Add(wholeText)
	f.Add(`{"v":1}`)
	f.Add(`{"v":1,"extra":{"a":1,"a":2},"generation":1e3}`)
	f.Fuzz(func(t *testing.T, text string) {
		rec, err := Decode("key", text)
		if err != nil {
			var bad *onerefresh.RecordError
			if !errors.As(err, &bad) {
				t.Fatalf("%v", err)
			}
			return
		}
		again, err := Encode(rec)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if same, err := Decode("key", again); err != nil || !reflect.DeepEqual(same, rec) {
			t.Fatalf("%s became %s: %v", text, again, err)
		}
	})
}
