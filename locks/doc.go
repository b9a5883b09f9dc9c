// Package locks implements [onerefresh.Locker].
//
// [Web] is for browsers: its lock is that of the browser, for all tabs of an
// origin. [Tab] is what is left where the browser has none. [File] is for
// programs that share a machine. [Process] is for a program that shares its
// store with no other. For servers on many hosts there is package redis.
package locks
