package tinygo

import (
	"os/exec"
	"strings"
	"testing"
)

// As wasm-opt prints a module.
const module = `(module
 (type $0 (func (param i32)))
 (type $1 (func (param i32) (result i32)))
 (type $2 (func))
 (import "asyncify" "start_unwind" (func $start_unwind (param i32)))
 (import "asyncify" "stop_unwind" (func $stop_unwind))
 (import "gojs" "syscall/js.valueCall" (func $js (param i32)))
 (elem $0 (i32.const 1) $closure.waits $closure.pure $goroutine$gowrapper)
 (func $pause
  (call $start_unwind
   (i32.const 8)
  )
 )
 (func $callsJavaScript (param $0 i32)
  (call $js
   (local.get $0)
  )
 )
 (func $closure.waits (param $0 i32) (result i32)
  (call $pause)
  (i32.const 1)
 )
 (func $closure.pure (param $0 i32)
  (local $1 i32)
  (call $callsJavaScript
   (local.get $0)
  )
 )
 (func $callsAValueThatMayWait (param $0 i32)
  (drop
   (call_indirect $0 (type $1)
    (local.get $0)
    (i32.const 1)
   )
  )
 )
 (func $callsAValueThatDoesNot (param $0 i32)
  (call_indirect $0 (type $0)
   (local.get $0)
   (i32.const 2)
  )
 )
 (func $goroutine$gowrapper (param $0 i32)
  (call $callsAValueThatMayWait
   (local.get $0)
  )
 )
 (func $scheduler
  (call_indirect $0 (type $0)
   (i32.const 0)
   (i32.const 3)
  )
  (call $pause)
  (call $stop_unwind)
 )
)
`

func TestWhoWaits(t *testing.T) {
	cmd := exec.Command("node", "who-waits.js")
	cmd.Stdin = strings.NewReader(module)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	// pause, closure.waits, callsAValueThatMayWait, and the goroutine that calls it
	if got := strings.TrimSpace(string(out)); got != "0,2,4,6" {
		t.Errorf("functions %s wait", got)
	}
}

func TestTextOfAnotherKind(t *testing.T) {
	cmd := exec.Command("node", "who-waits.js")
	cmd.Stdin = strings.NewReader("(module\n (func $f)\n)\n")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "no function waits") {
		t.Errorf("%v: %s", err, out)
	}
}
