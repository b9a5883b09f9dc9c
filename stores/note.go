package stores

import (
	"slices"
	"strconv"
	"strings"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/jsontext"
)

// A note holds of a record what a [Format] has no place for. It is kept beside
// the text of the format, says to which text it belongs, and has no tokens: who
// removes the text must leave none behind.
type note struct {
	rec     onerefresh.Record // without tokens
	of      string            // fingerprint of the text; empty where there is none
	refresh string            // fingerprint of the refresh token; empty where there is none
	spent   []string          // fingerprints of those that were rotated since the sign-in, the latest ones
}

// mostSpent is how many rotated refresh tokens are remembered: whoever puts one
// back has read it a moment ago.
const mostSpent = 8

// fingerprint tells texts apart, and tokens. It serves for nothing else.
func fingerprint(text string) string {
	if text == "" {
		return ""
	}
	return strconv.FormatUint(sum(text), 36)
}

// sum is FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/. Package hash
// would bring interfaces along that a page has to download.
func sum(text string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
	}
	return h
}

// epochOf returns the epoch of a sign-in by other code, which is the same for
// all who see it, whenever they do.
func epochOf(token onerefresh.Token) uint64 {
	key := token.RefreshToken
	if key == "" {
		key = token.AccessToken
	}
	if key == "" {
		return 0
	}
	return sum(key) >> 11 // no more than a JSON text can hold
}

func (n *note) text() (string, error) {
	rec := n.rec
	rec.Token = onerefresh.Token{Received: rec.Token.Received, Expiry: rec.Token.Expiry}
	record, err := Encode(rec)
	if err != nil {
		return "", err
	}
	o := newObject()
	o.member("record", jsontext.Value(record))
	o.text("of", n.of)
	o.text("refresh", n.refresh)
	o.text("spent", strings.Join(n.spent, " "))
	return string(o.end()), nil
}

// readNote returns the zero note if text is none.
func readNote(text string) *note {
	n, r := new(note), new(reader)
	value, err := jsontext.Parse(text)
	if err != nil {
		return new(note)
	}
	o, _ := r.fields("", value)
	n.of, n.refresh = o.text("of"), o.text("refresh")
	n.spent = strings.Fields(o.text("spent"))
	n.rec, err = Decode("", string(o.member("record")))
	if err != nil || r.err != nil {
		return new(note)
	}
	return n
}

// follow returns the note for rec, which takes the place of what v shows, with
// text as its text.
func (v *sight) follow(rec onerefresh.Record, text string) *note {
	before := v.note
	n := &note{rec: rec, of: fingerprint(text), refresh: fingerprint(rec.Token.RefreshToken)}
	if rec.Epoch == before.rec.Epoch {
		n.spent = before.spent
	}
	old := fingerprint(v.rec.Token.RefreshToken)
	if old == n.refresh || old == "" || rec.Epoch != v.rec.Epoch {
		return n
	}
	n.spent = append(n.spent[:len(n.spent):len(n.spent)], old)
	if over := len(n.spent) - mostSpent; over > 0 {
		n.spent = n.spent[over:]
	}
	return n
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
		if was := n.rec.Token; !was.Expiry.IsZero() {
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
		v.rec = onerefresh.Record{Epoch: n.rec.Epoch, Attempt: n.rec.Attempt, Cooldown: n.rec.Cooldown}
	case signedIn:
		v.rec = onerefresh.Record{Epoch: epochOf(token)}
	}
	v.rec.Token = token
	return v
}

// spends reports whether the refresh token with that fingerprint is known to be
// spent.
func (n *note) spends(refresh string) bool {
	return refresh != n.refresh && slices.Contains(n.spent, refresh)
}

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
