// Package handoff tests that what one tab writes under a lock, the next holder
// of the lock reads, in another renderer process.
package handoff
