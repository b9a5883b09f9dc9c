//go:build js && wasm && tinygo

package main

// TinyGo runs what it can of initializers at compile time, up to the first that
// calls JavaScript, that of syscall/js. Package bytes comes before that, as the
// first of the imports, and with it package unicode, whose tables weigh 20 kB
// with brotli if they are made at run time and next to nothing otherwise.
import _ "bytes"
