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

func (n *note) text() (string, error) {
	rec := n.rec
	rec.Token = onerefresh.Token{Received: rec.Token.Received, Expiry: rec.Token.Expiry}
	record, err := encode(&rec)
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
	if decode("", string(o.member("record")), &n.rec) != nil || r.err != nil {
		return new(note)
	}
	return n
}

// follow returns the note for rec, with text as its text, in the place of n,
// where was is stored.
func (n *note) follow(was, rec *onerefresh.Record, text string) *note {
	next := &note{rec: *rec, of: fingerprint(text), refresh: fingerprint(rec.Token.RefreshToken)}
	if rec.Epoch == n.rec.Epoch {
		next.spent = n.spent
	}
	old := fingerprint(was.Token.RefreshToken)
	if old == next.refresh || old == "" || rec.Epoch != was.Epoch {
		return next
	}
	next.spent = append(next.spent[:len(next.spent):len(next.spent)], old)
	if over := len(next.spent) - mostSpent; over > 0 {
		next.spent = next.spent[over:]
	}
	return next
}

// spends reports whether the refresh token with that fingerprint is known to be
// spent.
func (n *note) spends(refresh string) bool {
	return refresh != n.refresh && slices.Contains(n.spent, refresh)
}
