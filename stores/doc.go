// Package stores implements [onerefresh.Store].
//
// [LocalStorage] is for browsers, for all tabs of an origin. [File] is for
// programs that share a machine. [Memory] is for one program, and for tests.
package stores
