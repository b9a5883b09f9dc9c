package jsontext

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

var texts = []string{
	``, ` `, `{}`, ` { } `, `[]`, `null`, `true`, `false`, `nul`, `truex`, `0`, `-0`, `01`, `-`, `1.`, `.5`, `1e5`, `1E+5`, `1e`,
	`123456789012345678901234567890`, `1e400`, `"a"`, `"a`, `"\"\\\/\b\f\n\r\t"`, `"\u00e9\u20ac"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00x"`, `"\ud83d\u0041"`,
	`"\x"`, `"\u12"`, "\"\n\"", "\"\xff\"", "\"é€😀\"", `{"a":1,"b":[1,{"c":null}],"a":2}`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `{"a":}`, `[1,]`, `[1 2]`,
	`{"access_token":"a","expires_in":3600}`, `<html>`, `{"a":1} x`, `{"a":1}{`, "\ufeff{}", `{"\u0061":"b"}`,
	strings.Repeat("[", 100) + strings.Repeat("]", 100), strings.Repeat("[", 101) + strings.Repeat("]", 101), strings.Repeat("[", 1e6),
}

func TestParse(t *testing.T) {
	for _, text := range texts {
		compare(t, text)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(compare)
}

// compare holds the package against encoding/json.
func compare(t *testing.T, text string) {
	v, err := Parse(text)
	if deep := depth(text) > mostDepth; deep || (err == nil) != json.Valid([]byte(text)) {
		if deep {
			return
		}
		t.Fatalf("%q: got %v, encoding/json says %t", text, err, json.Valid([]byte(text)))
	}
	if err != nil {
		return
	}
	var want any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		return // a number that no float64 holds
	}
	if got := build(t, v); !reflect.DeepEqual(got, want) {
		t.Errorf("%q: got %#v, want %#v", text, got, want)
	}
}

// depth returns no less than how deep the values of text are nested.
func depth(text string) int { return strings.Count(text, "[") + strings.Count(text, "{") }

// build returns what encoding/json makes of v, except that arrays are left to
// that, as the package does not look into them.
func build(t *testing.T, v Value) (x any) {
	text, isText := v.Text()
	n, err := strconv.ParseFloat(string(v), 64)
	down, rest, isNumber := v.Shift(9)
	b, isBool := v.Bool()
	members, isObject := v.Members()
	switch {
	case isText:
		return text
	case isNumber:
		if err != nil {
			t.Errorf("%q is no number", v)
		}
		if err == nil && n != 0 { // its exponent is small
			exact, _ := new(big.Rat).SetString(string(v))
			compareShift(t, exact, down, rest)
		}
		return n
	case isBool:
		return b
	case isObject:
		object := map[string]any{}
		for _, m := range members {
			object[m.Name] = build(t, m.Value)
		}
		return object
	case v.IsNull():
		return nil
	}
	if v[0] != '[' {
		t.Errorf("%q is nothing", v)
	}
	json.Unmarshal([]byte(v), &x)
	return x
}

// compareShift holds a number, with its point moved by 9, against what it was
// made of.
func compareShift(t *testing.T, exact *big.Rat, down int64, rest bool) {
	exact.Mul(exact, big.NewRat(1e9, 1))
	want, remainder := new(big.Int).DivMod(exact.Num(), exact.Denom(), new(big.Int))
	switch least, most := big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64); {
	case want.Cmp(least) < 0:
		want = least
		rest = remainder.Sign() != 0
	case want.Cmp(most) > 0:
		want = most
		rest = remainder.Sign() != 0
	}
	if !want.IsInt64() || want.Int64() != down || rest != (remainder.Sign() != 0) {
		t.Errorf("%s: got %d and a rest: %t", exact, down, rest)
	}
}

func FuzzAppendText(f *testing.F) {
	for _, s := range []string{"", "a", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é€😀\u2028\u2029", "\xff\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := string(AppendText(nil, s))
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil || want != strings.ToValidUTF8(s, "\ufffd") && want != perByte(s) {
			t.Fatalf("%q: %s, %v", s, text, err)
		}
		if got, ok := Value(text).Text(); !ok || got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	})
}

// perByte replaces each byte that is not UTF-8, and not each run of them.
func perByte(s string) string { return string([]rune(s)) }

func TestInteger(t *testing.T) {
	for text, want := range map[Value]bool{"0": true, "-1": true, "1e3": true, "9007199254740991": true, "9007199254740992": false, "1.5": false, "1e400": false, `"1"`: false} {
		if _, ok := text.Integer(); ok != want {
			t.Errorf("%s: got %t", text, ok)
		}
	}
}
