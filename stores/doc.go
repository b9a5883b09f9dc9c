// Package stores implements [onerefresh.Store].
//
// [LocalStorage] is for browsers, for all tabs of an origin. [File] is for
// programs that share a machine, and [SealedFile] where others may come by a copy
// of the file. [Memory] is for one program, and for tests. For servers on
// many hosts there is package redis.
package stores
