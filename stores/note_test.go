package stores

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/onerefresh/onerefresh"
)

func TestNote(t *testing.T) {
	n := &note{rec: whole, of: "of", refresh: "refresh", spent: []string{"a", "b"}}
	text, err := n.text()
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{`"access_token"`, `"refresh_token"`, `"id_token"`, `"extra"`} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
	n.rec.Token = onerefresh.Token{Received: whole.Token.Received, Expiry: whole.Token.Expiry}
	if got := readNote(text); !reflect.DeepEqual(got, n) {
		t.Errorf("%s is read as %+v, want %+v", text, got, n)
	}
	for _, bad := range []string{"", "x", "[]", text[1:], `{"record":{"v":2}}`, `{"record":{"v":1,"generation":1},"of":1}`} {
		if got := readNote(bad); !reflect.DeepEqual(got, new(note)) {
			t.Errorf("%s is read as %+v", bad, got)
		}
	}
}

// Of the refresh tokens of a sign-in, those that were rotated last are known to
// be spent; the present one never is.
func TestSpentRefreshTokens(t *testing.T) {
	n := new(note)
	rec := onerefresh.Record{Generation: 1, Epoch: 1}
	rotate := func(refresh string) {
		was := rec
		rec.Generation++
		rec.Token = onerefresh.Token{AccessToken: "a", RefreshToken: refresh}
		n = n.follow(&was, &rec, "text of "+refresh)
	}
	rotate("r0")
	for i := range mostSpent + 2 {
		rotate("r" + strconv.Itoa(i+1))
	}
	rotate("r1") // again
	for refresh, spent := range map[string]bool{"": false, "r0": false, "r1": false, "r2": false, "r3": true, "r10": true, "r11": false} {
		if n.spends(fingerprint(refresh)) != spent {
			t.Errorf("%q: spent is %v", refresh, !spent)
		}
	}
	was := rec
	rec.Epoch, rec.Token.RefreshToken = 2, "s0"
	if n := n.follow(&was, &rec, "text"); len(n.spent) != 0 {
		t.Errorf("another sign-in begins with %d that are spent", len(n.spent))
	}
}
