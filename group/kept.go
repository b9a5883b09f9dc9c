package group

import (
	"time"

	"github.com/onerefresh/onerefresh"
)

// kept are tokens that are kept for the same time each, so that they expire in
// the order in which they came.
type kept struct {
	most    int
	entries map[Key]*entry
	first   *entry // the oldest
	last    *entry
}

type entry struct {
	key   Key
	token onerefresh.Token
	until time.Time
	next  *entry
}

func newKept(most int) kept { return kept{most: most, entries: make(map[Key]*entry)} }

func (k *kept) get(key Key) (onerefresh.Token, bool) {
	if e := k.entries[key]; e != nil {
		return e.token, true
	}
	return onerefresh.Token{}, false
}

// add keeps a token, instead of the one of that key if there is one.
func (k *kept) add(key Key, token onerefresh.Token, until time.Time) {
	e := &entry{key: key, token: token, until: until}
	k.entries[key] = e
	if k.last == nil {
		k.first = e
	} else {
		k.last.next = e
	}
	k.last = e
	for len(k.entries) > k.most {
		k.drop()
	}
}

// expire drops what has been kept for its time.
func (k *kept) expire(now time.Time) {
	for k.first != nil && !now.Before(k.first.until) {
		k.drop()
	}
}

// drop drops the oldest entry, unless it has been replaced.
func (k *kept) drop() {
	e := k.first
	if k.first = e.next; k.first == nil {
		k.last = nil
	}
	if k.entries[e.key] == e {
		delete(k.entries, e.key)
	}
}
