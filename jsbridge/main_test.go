//go:build js && wasm

package jsbridge_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh/jsbridge"
)

// TestMain also serves as the program that TestRawAccessIsFatal starts.
func TestMain(m *testing.M) {
	if access := os.Getenv(rawAccess); access != "" {
		raw[access]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// eval returns what the expression is in JavaScript.
func eval(t *testing.T, expression string) jsbridge.Value {
	t.Helper()
	function, err := jsbridge.Global().Get("Function")
	if err != nil {
		t.Fatal(err)
	}
	f, err := function.New("return (" + expression + ")")
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	v, err := f.Invoke()
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// text returns the property name as text; "undefined" if it is that.
func text(t *testing.T, v jsbridge.Value, name string) string {
	t.Helper()
	property, err := v.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	if property.IsUndefined() {
		return "undefined"
	}
	s, ok := property.Text()
	if !ok {
		t.Fatalf("property %s is no text", name)
	}
	return s
}

func asJSON(t *testing.T, v jsbridge.Value) string {
	t.Helper()
	s, err := v.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func isException(err error) bool {
	var e *jsbridge.Exception
	return errors.As(err, &e)
}

// await is Await with a limit.
func await(t *testing.T, promise jsbridge.Value) (jsbridge.Value, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	v, err := jsbridge.Await(ctx, promise)
	if ctx.Err() != nil {
		t.Fatal("the promise does not settle")
	}
	return v, err
}

// eventually polls until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so within 10 s: %s", what)
		}
	}
}

// alive fails if the runtime does not work any more: calls out, callbacks,
// goroutines, and promises.
func alive(t *testing.T) {
	t.Helper()
	v, err := await(t, jsbridge.Promise(func() (any, error) { return "alive", nil }))
	if s, _ := v.Text(); err != nil || s != "alive" {
		t.Fatalf("the runtime is not well: %v", err)
	}
}
