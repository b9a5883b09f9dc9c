// Package jsbridge is the only package of this module that touches JavaScript.
// It exists on js/wasm alone.
//
// Nothing here panics, and no JavaScript exception gets past it: whatever
// throws, be it a getter, a setter, a Proxy, a toJSON method or a constructor,
// comes back as an [*Exception]. That is more than package syscall/js does. Its
// Get, Set, Delete, Index, Length and InstanceOf are calls into JavaScript
// without a try block, and an exception there unwinds the Go stack and ends
// the program. An expression as plain as window.localStorage throws where a
// user has blocked storage.
//
// A program compiled by TinyGo needs a try block from the page that loads it, as
// the build of web/npm adds it, and does not survive a panic: it has no recover.
//
// # What crosses, and how
//
//	Go                        JavaScript
//	nil                       null
//	bool                      boolean
//	integers, floats          number
//	string                    string; invalid UTF-8 becomes U+FFFD
//	[]any                     new Array
//	map[string]any            new Object, whose properties are its own
//	Value, Func               what they stand for
//	context.Context           AbortSignal    (Signal, Context)
//	goroutine                 Promise        (Promise, Await)
//	error                     OneRefreshError (ErrorValue)
//	*Exception                whatever was thrown
//
// # Callbacks
//
// JavaScript runs one thing at a time: while a [Func] runs, the page stands
// still. A Func must not wait for anything that the event loop has to deliver,
// [Await] included; it starts a goroutine, or returns a [Promise].
package jsbridge
