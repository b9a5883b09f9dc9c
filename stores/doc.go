// Package stores implements [onerefresh.Store].
//
// [LocalStorage] is for browsers, for all tabs of an origin. [Memory] is for
// one program, and for tests.
package stores
