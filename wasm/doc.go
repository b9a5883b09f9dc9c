// Command wasm is the Go program that a page runs: it joins a session to the
// locks, the storage and the fetch of the browser, and hands it to the loader
// in web/npm, which starts it.
package main
