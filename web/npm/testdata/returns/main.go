//go:build js && wasm

// Command returns ends before it is ready.
package main

func main() {}
