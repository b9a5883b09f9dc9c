//go:build js && wasm

package stores

import "github.com/onerefresh/onerefresh"

// A sight is what the page's copy of localStorage shows.
type sight struct {
	text    string
	present bool
	rec     onerefresh.Record // as decoded from text; its generation is 0 if other code wrote it
	err     error             // or why it cannot be
	known   uint64            // the newest generation that was seen so far

	// With a format.
	noted   bool
	beside  string // the text of note
	note    *note
	putBack bool // other code has put back a text whose refresh token is spent
}

// ours reports whether this package wrote what is seen.
func (v *sight) ours() bool { return v.err == nil && v.rec.Generation > 0 }

// generation returns the generation of what is seen, given the newest one that
// was recorded. What other code did, be it to write or to remove, is a swap
// that it did not record. Two texts that it writes one after the other are of
// different generations: to whoever has loaded one, the other is a conflict.
func (v *sight) generation(newest uint64) uint64 {
	if v.ours() {
		return max(v.rec.Generation, newest)
	}
	newest = max(v.known, newest)
	switch {
	case v.present:
		return newest + 1 + sum(v.text)%(1<<20)
	case newest == 0:
		return 0
	}
	return newest + 1
}

// shows reports whether v is what was written in the generation newest or
// later.
//
// A note is written after its text. So a page whose copy has the note of the
// newest generation, or had it before, has the text of that, too, or what other
// code wrote later: there is nothing to wait for.
func (v *sight) shows(newest uint64) bool {
	if newest == 0 {
		return true
	}
	if v.noted {
		return v.known >= newest && !v.putBack
	}
	return v.ours() && v.rec.Generation >= newest
}

// see returns what there is to see of a text in a format, and the note beside
// it.
func see(key string, format Format, text string, present bool, beside string) *sight {
	n := readNote(beside)
	v := &sight{text: text, present: present, beside: beside, note: n, noted: true}
	switch {
	case !present && n.of == "" && n.rec.Generation > 0:
		v.rec = n.rec
		return v
	case !present:
		return v // other code has removed it
	}
	token, err := format.Read(text)
	if err != nil {
		v.err = err
		return v
	}
	signedIn := token.AccessToken != "" || token.RefreshToken != ""
	refresh := fingerprint(token.RefreshToken)
	switch {
	case n.rec.Generation > 0 && n.of == fingerprint(text):
		v.rec = n.rec
		if was := &n.rec.Token; !was.Expiry.IsZero() {
			// By this machine's clock. What is in the text may be the server's.
			token.Received, token.Expiry = was.Received, was.Expiry
		}
	case n.spends(refresh):
		v.err = &onerefresh.RecordError{Where: key, Field: "refresh_token", Problem: "spent: other code has put back an old copy"}
		v.putBack = true
		return v
	case refresh != "" && refresh == n.refresh:
		// Other code has changed something else. What is known of the refresh
		// token holds, and an answer to it is not late.
		v.rec.Epoch, v.rec.Attempt, v.rec.Cooldown = n.rec.Epoch, n.rec.Attempt, n.rec.Cooldown
	case signedIn:
		v.rec.Epoch = epochOf(&token)
	}
	v.rec.Token = token
	return v
}

// epochOf returns the epoch of a sign-in by other code, which is the same for
// all who see it, whenever they do.
func epochOf(token *onerefresh.Token) uint64 {
	key := token.RefreshToken
	if key == "" {
		key = token.AccessToken
	}
	if key == "" {
		return 0
	}
	return sum(key) >> 11 // no more than a JSON text can hold
}
