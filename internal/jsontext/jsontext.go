// Package jsontext reads and writes JSON texts (RFC 8259) without reflection.
//
// It is here because a page downloads it: encoding/json would add half as much
// again to the WebAssembly module, and to walk what JSON.parse returns costs a
// call into JavaScript for each member. Tests hold it against encoding/json.
package jsontext

import (
	"errors"
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// A Value is the text of one JSON value, without white space around it.
type Value string

// A Member is one of an object.
type Member struct {
	Name  string
	Value Value
}

var errSyntax = errors.New("not a JSON text")

// Parse returns the value that text consists of.
func Parse(text string) (Value, error) {
	s := scanner{text: text}
	s.space()
	v := s.value(0)
	s.space()
	if s.failed || s.at != len(text) {
		return "", errSyntax
	}
	return v, nil
}

// Members returns the members of an object, in their order, and whether v is
// one. Of members of the same name all are returned; the last one counts.
func (v Value) Members() (members []Member, ok bool) {
	if v == "" || v[0] != '{' {
		return nil, false
	}
	s := scanner{text: string(v), members: &members}
	s.value(0)
	return members, !s.failed
}

// Text returns the string that v is, and whether it is one.
func (v Value) Text() (text string, ok bool) {
	if v == "" || v[0] != '"' {
		return "", false
	}
	return unquote(string(v[1 : len(v)-1])), true
}

// Bool returns the boolean that v is, and whether it is one.
func (v Value) Bool() (b, ok bool) { return v == "true", v == "true" || v == "false" }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v == "null" }

// mostDepth is how deep values may be nested: the stack is not endless.
const mostDepth = 100

type scanner struct {
	text    string
	at      int
	failed  bool
	members *[]Member // of the outermost object, where wanted
}

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// take skips c, which has to come next.
func (s *scanner) take(c byte) {
	if s.peek() == c && s.at < len(s.text) {
		s.at++
	} else {
		s.failed = true
	}
}

func (s *scanner) value(depth int) Value {
	from := s.at
	switch c := s.peek(); {
	case c == '{':
		s.list('}', depth, func() {
			name := s.quoted()
			s.space()
			s.take(':')
			s.space()
			v := s.value(depth + 1)
			if depth == 0 && s.members != nil && !s.failed {
				*s.members = append(*s.members, Member{unquote(name), v})
			}
		})
	case c == '[':
		s.list(']', depth, func() { s.value(depth + 1) })
	case c == '"':
		s.quoted()
	case c == '-' || digit(c):
		s.number()
	default:
		for _, word := range [...]string{"true", "false", "null"} {
			if end := s.at + len(word); end <= len(s.text) && s.text[s.at:end] == word {
				s.at = end
				return Value(word)
			}
		}
		s.failed = true
	}
	return Value(s.text[from:s.at])
}

// list reads what is between a bracket and its end, in items.
func (s *scanner) list(end byte, depth int, item func()) {
	s.at++
	s.space()
	if depth == mostDepth {
		s.failed = true
	}
	if s.peek() == end {
		s.at++
		return
	}
	for !s.failed {
		item()
		s.space()
		if s.peek() == end {
			s.at++
			return
		}
		s.take(',')
		s.space()
	}
}

// quoted reads a string, and returns what is between the quotes.
func (s *scanner) quoted() string {
	s.take('"')
	from := s.at
	for !s.failed && s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[from : s.at-1]
		case c < ' ':
			s.failed = true
		case c == '\\':
			s.at++
			s.escape()
		default:
			s.at++
		}
	}
	s.failed = true
	return ""
}

func (s *scanner) escape() {
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at++
	case 'u':
		s.at++
		if s.at+4 > len(s.text) || hex4(s.text[s.at:]) < 0 {
			s.failed = true
			return
		}
		s.at += 4
	default:
		s.failed = true
	}
}

func (s *scanner) number() {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.at++
		s.digits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		s.digits()
	}
}

func (s *scanner) digits() {
	if !digit(s.peek()) {
		s.failed = true
	}
	for digit(s.peek()) {
		s.at++
	}
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// hex4 returns the number that four hexadecimal digits stand for, or -1.
func hex4(text string) rune {
	var r rune
	for _, c := range []byte(text[:4]) {
		switch {
		case digit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unquote resolves the escapes of a string that was found to be well-formed.
// What is not Unicode, such as half of a surrogate pair, becomes U+FFFD.
func unquote(s string) string {
	plain := 0
	for plain < len(s) && s[plain] != '\\' && s[plain] < utf8.RuneSelf {
		plain++
	}
	if plain == len(s) {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:plain]...)
	for i := plain; i < len(s); {
		if s[i] != '\\' {
			r, size := utf8.DecodeRuneInString(s[i:])
			out = utf8.AppendRune(out, r)
			i += size
			continue
		}
		c := s[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(s[i:])
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+6 <= len(s) && s[i] == '\\' && s[i+1] == 'u' {
					low = hex4(s[i+2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

// AppendText appends s as a JSON string.
func AppendText(out []byte, s string) []byte {
	const digits = "0123456789abcdef"
	out = append(out, '"')
	for _, r := range s { // what is not UTF-8 becomes U+FFFD
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r < ' ' || r == '\u2028' || r == '\u2029':
			out = append(out, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}

// MaxInteger is the largest integer that readers of JSON agree on.
const MaxInteger = 1<<53 - 1

// Integer returns the integer that v is, and whether it is one, of at most
// [MaxInteger] either way.
func (v Value) Integer() (n int64, ok bool) {
	n, rest, ok := v.Shift(0)
	return n, ok && !rest && -MaxInteger <= n && n <= MaxInteger
}

// Shift returns the number that v is with its point moved to the right by places,
// rounded down; whether something is lost by that; and whether v is a number. What
// an int64 cannot hold becomes the nearest one. More than 309 digits before the
// point, which no float64 holds, are no number.
//
// A float would need the powers of ten of package strconv, and they weigh 13 kB
// with brotli.
func (v Value) Shift(places int) (n int64, rest, ok bool) {
	if v == "" || v[0] != '-' && !digit(v[0]) {
		return 0, false, false
	}
	var digits []byte // but for leading zeros
	before := 0       // how many of them are before the point
	fraction := false
scan:
	for i, c := range []byte(v) {
		switch {
		case c == '.':
			fraction = true
		case c == 'e' || c == 'E':
			before += exponent(v[i+1:])
			break scan
		case c == '-':
		case c != '0' || len(digits) > 0:
			digits = append(digits, c)
			if !fraction {
				before++
			}
		case fraction:
			before--
		}
	}
	if len(digits) == 0 {
		return 0, false, true
	}
	if before > 309 {
		return 0, false, false
	}
	kept := max(0, before+places)
	beyond := false // what an int64 holds
	for i := range kept {
		d := int64(0)
		if i < len(digits) {
			d = int64(digits[i] - '0')
		}
		if n > (math.MaxInt64-d)/10 {
			n, beyond = math.MaxInt64, true
			break
		}
		n = n*10 + d
	}
	for _, c := range digits[min(kept, len(digits)):] {
		rest = rest || c != '0'
	}
	if v[0] == '-' {
		n = -n
		if rest || beyond {
			n--
		}
	}
	return n, rest, true
}

// exponent returns what is behind the e of a number, or something that is out of
// any range as well.
func exponent(text Value) (e int) {
	for _, c := range []byte(text) {
		if digit(c) {
			e = min(e*10+int(c-'0'), 1<<20)
		}
	}
	if text[0] == '-' {
		return -e
	}
	return e
}
