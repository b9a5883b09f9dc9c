// Scheduler, memory and panics: a program that does nothing.
package main

func main() {}
