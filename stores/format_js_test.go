//go:build js && wasm

package stores_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/stores/storestest"
)

// theirs is the format of other code: its name, and a token as Encode has it.
type theirs struct{ failing bool }

const mark = "theirs "

var errTheirs = errors.New("not theirs")

func (f *theirs) Read(text string) (onerefresh.Token, error) {
	text, ok := strings.CutPrefix(text, mark)
	if !ok {
		return onerefresh.Token{}, errTheirs
	}
	rec, err := stores.Decode("", text)
	return rec.Token, err
}

func (f *theirs) Write(token onerefresh.Token, _ string) (string, error) {
	if f.failing {
		return "", errTheirs
	}
	text, err := stores.Encode(onerefresh.Record{Token: token})
	return mark + text, err
}

func (*theirs) Beside() []string { return []string{"a copy"} }

func (*theirs) Copy(_ string, token onerefresh.Token, _ string) (string, error) {
	return token.AccessToken, nil
}

func openTheirs(t *testing.T) *stores.LocalStorageStore {
	t.Helper()
	s, err := stores.LocalStorageIn(t.Name(), new(theirs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func inAFormat(t *testing.T) {
	storestest.Run(t, func() onerefresh.Store { return openTheirs(t) })
	t.Run("other code signs in", otherCodeSignsInWithoutWaiting)
	t.Run("other code signs in twice", otherCodeSignsInTwice)
	t.Run("other code removes", otherCodeRemovesWithoutWaiting)
	t.Run("other code strikes out the access token", otherCodeStrikesOut)
	t.Run("other code puts back a spent token", otherCodePutsBack)
	t.Run("a format that fails", formatFails)
	t.Run("no room for the note", noRoomForTheNote)
	t.Run("waits for the newest", waitsForTheNewestNote)
	t.Run("no tokens in the note", noTokensInTheNote)
}

func token(access, refresh string) onerefresh.Token {
	return onerefresh.Token{AccessToken: access, RefreshToken: refresh}
}

// put stores a token as other code does.
func put(t *testing.T, token onerefresh.Token) {
	t.Helper()
	text, err := new(theirs).Write(token, "")
	if err != nil {
		t.Fatal(err)
	}
	eval(t, "localStorage.setItem(a, b)", t.Name(), text)
}

// rotated stores the answer to a refresh of rec.
func rotated(t *testing.T, s *stores.LocalStorageStore, rec onerefresh.Record, token onerefresh.Token) onerefresh.Record {
	t.Helper()
	next := onerefresh.Record{Generation: rec.Generation + 1, Epoch: rec.Epoch, Writer: "me", Token: token}
	swap(t, s, rec, next)
	return next
}

// loadAtOnce fails the test if Load waits for something.
func loadAtOnce(t *testing.T, s *stores.LocalStorageStore) onerefresh.Record {
	t.Helper()
	begin := time.Now()
	rec := load(t, s)
	if took := time.Since(begin); took > 300*time.Millisecond {
		t.Errorf("Load takes %v", took)
	}
	return rec
}

func otherCodeSignsInWithoutWaiting(t *testing.T) {
	s := openTheirs(t)
	rec := signIn(t, s, token("a", "r"))
	put(t, token("b", "s"))
	overtaken(t, s, rec)
	got := loadAtOnce(t, s)
	if got.Token.AccessToken != "b" || got.Token.RefreshToken != "s" || got.Writer != "" || got.Generation <= rec.Generation {
		t.Errorf("Load returns %+v with %q and %q", got, got.Token.AccessToken, got.Token.RefreshToken)
	}
	if peeked, err := s.Peek(); err != nil || peeked.Epoch != got.Epoch || got.Epoch == rec.Epoch {
		t.Errorf("the epoch is %d after %d, and %d at a peek, error %v", got.Epoch, rec.Epoch, peeked.Epoch, err)
	}
	overtaken(t, s, rec)
	next := rotated(t, s, got, token("c", "s2"))
	if got := load(t, s); got.Token.AccessToken != "c" || got.Epoch != next.Epoch || got.Generation != next.Generation {
		t.Errorf("after a swap, Load returns generation %d with %q", got.Generation, got.Token.AccessToken)
	}
}

// otherCodeSignsInTwice: what was loaded in between must not come back.
func otherCodeSignsInTwice(t *testing.T) {
	s := openTheirs(t)
	signIn(t, s, token("a", "r"))
	put(t, token("b", "s"))
	first := load(t, s)
	put(t, token("c", "t"))
	overtaken(t, s, first)
	if got := load(t, s); got.Token.RefreshToken != "t" || got.Epoch == first.Epoch {
		t.Errorf("Load returns %q", got.Token.RefreshToken)
	}
}

func otherCodeRemovesWithoutWaiting(t *testing.T) {
	for _, how := range []string{"localStorage.removeItem(a)", "localStorage.clear()"} {
		s := openTheirs(t)
		rec := signIn(t, s, token("a", "r"))
		eval(t, how, t.Name())
		overtaken(t, s, rec)
		got := loadAtOnce(t, s)
		if got.Token.AccessToken != "" || got.Token.RefreshToken != "" || got.Writer != "" {
			t.Errorf("%s: Load returns %+v", how, got)
		}
		overtaken(t, s, rec)
		put(t, token("b", "s"))
		overtaken(t, s, rec)
		if got := loadAtOnce(t, s); got.Token.RefreshToken != "s" {
			t.Errorf("%s: after a sign-in, Load returns %q", how, got.Token.RefreshToken)
		}
	}
}

// otherCodeStrikesOut: what is known of the refresh token still holds.
func otherCodeStrikesOut(t *testing.T) {
	s := openTheirs(t)
	rec := signIn(t, s, token("a", "r"))
	sending := rec
	sending.Generation++
	sending.Attempt = onerefresh.Attempt{At: time.UnixMilli(1), By: "peer", Count: 1}
	swap(t, s, rec, sending)
	put(t, token("", "r"))
	overtaken(t, s, sending)
	got := loadAtOnce(t, s)
	if got.Token.AccessToken != "" || got.Token.RefreshToken != "r" || got.Epoch != rec.Epoch || got.Attempt != sending.Attempt {
		t.Errorf("Load returns %+v with %q", got, got.Token.RefreshToken)
	}
	rotated(t, s, got, token("b", "s"))
}

func otherCodePutsBack(t *testing.T) {
	s := openTheirs(t)
	rec := signIn(t, s, token("a", "r"))
	rec = rotated(t, s, rec, token("b", "s"))
	put(t, token("a", "r"))
	late := openTheirs(t) // does not know what was there
	if peeked, err := late.Peek(); err == nil || peeked.Token.RefreshToken != "" {
		t.Errorf("a peek returns %q, error %v", peeked.Token.RefreshToken, err)
	}
	got, err := late.Load(t.Context())
	var bad *onerefresh.RecordError
	if !errors.As(err, &bad) || bad.Field != "refresh_token" || got.Token.RefreshToken != "" {
		t.Errorf("Load returns %q, error %v", got.Token.RefreshToken, err)
	}
	if got := load(t, s); got.Token.RefreshToken != "s" || got.Generation != rec.Generation {
		t.Errorf("Load returns generation %d with %q", got.Generation, got.Token.RefreshToken)
	}
	if got := loadAtOnce(t, late); got.Token.RefreshToken != "s" || got.Generation != rec.Generation {
		t.Errorf("the other store loads generation %d with %q", got.Generation, got.Token.RefreshToken)
	}

	// What was replaced by a sign-in was not spent.
	rec = signIn(t, s, token("c", "t"))
	put(t, token("b", "s"))
	if got := load(t, s); got.Token.RefreshToken != "s" || got.Epoch == rec.Epoch {
		t.Errorf("after another user's return, Load returns %q", got.Token.RefreshToken)
	}
}

func formatFails(t *testing.T) {
	format := new(theirs)
	s, err := stores.LocalStorageIn(t.Name(), format)
	if err != nil {
		t.Fatal(err)
	}
	rec := signIn(t, s, token("a", "r"))
	before := text(t, t.Name())
	format.failing = true
	next := rec
	next.Generation++ // an attempt: the text would not change
	if err := s.CompareAndSwap(t.Context(), rec, next); err != errTheirs {
		t.Errorf("CompareAndSwap: error %v", err)
	}
	if got := load(t, s); text(t, t.Name()) != before || got.Generation != rec.Generation {
		t.Errorf("Load returns generation %d", got.Generation)
	}
	format.failing = false
	swap(t, s, rec, next)

	eval(t, "localStorage.setItem(a, 'nonsense')", t.Name())
	if got, err := s.Load(t.Context()); err != errTheirs || got.Token.RefreshToken != "" {
		t.Errorf("Load returns %q, error %v", got.Token.RefreshToken, err)
	}
	overtaken(t, s, next)
}

func noRoomForTheNote(t *testing.T) {
	s := openTheirs(t)
	rec := signIn(t, s, token("a", "r"))
	before := text(t, t.Name())
	instead(t, "setItem", `function (key, text) {
		if (key.startsWith("onerefresh/")) throw new DOMException("no", "QuotaExceededError");
		localStorage[key] = text;
	}`, "Storage", "prototype")
	next := onerefresh.Record{Generation: rec.Generation + 1, Epoch: rec.Epoch, Token: token("b", "s")}
	err := s.CompareAndSwap(t.Context(), rec, next)
	var thrown *jsbridge.Exception
	if !errors.As(err, &thrown) || thrown.Name != "QuotaExceededError" {
		t.Errorf("error %v, want a QuotaExceededError", err)
	}
	if got := load(t, s); text(t, t.Name()) != before || got.Generation != rec.Generation || got.Token.RefreshToken != "r" {
		t.Errorf("Load returns generation %d with %q", got.Generation, got.Token.RefreshToken)
	}
}

// waitsForTheNewestNote shows a page that has not seen the newest note an old
// one for a while, as the browser does when another process has just written.
func waitsForTheNewestNote(t *testing.T) {
	s, elsewhere := openTheirs(t), openTheirs(t)
	rec := signIn(t, s, token("a", "r"))
	before := text(t, "onerefresh/"+t.Name())
	oldText := text(t, t.Name())
	rec = rotated(t, elsewhere, rec, token("b", "s"))
	eval(t, `
		const keys = [a, "onerefresh/" + a], late = keys.map((key) => localStorage.getItem(key));
		localStorage.setItem(keys[0], b);
		localStorage.setItem(keys[1], c);
		setTimeout(() => keys.forEach((key, i) => localStorage.setItem(key, late[i])), 100);
	`, t.Name(), oldText, before)
	if got := load(t, s); got.Token.RefreshToken != "s" || got.Generation != rec.Generation {
		t.Errorf("Load returns generation %d with %q", got.Generation, got.Token.RefreshToken)
	}
}

func noTokensInTheNote(t *testing.T) {
	s := openTheirs(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "secret-a", RefreshToken: "secret-r", IDToken: "secret-i", Extra: map[string]string{"x": `"secret-x"`}})
	rec = rotated(t, s, rec, onerefresh.Token{AccessToken: "secret-b", RefreshToken: "secret-s"})
	if copied := text(t, "a copy"); copied != "secret-b" {
		t.Errorf("the copy is %q", copied)
	}
	if note := text(t, "onerefresh/"+t.Name()); !strings.Contains(note, `"spent"`) || strings.Contains(note, "secret") {
		t.Errorf("the note is %s", note)
	}
	swap(t, s, rec, onerefresh.Record{Generation: rec.Generation + 1})
	if all, _ := eval(t, "return JSON.stringify({...localStorage})").Text(); strings.Contains(all, "secret") {
		t.Errorf("after a sign-out there is %s", all)
	}
}
