//go:build js && wasm

package main

import (
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// A format is the option of that name: functions of the page, which may be
// wrong. What they throw is not repeated, as it may hold what they were given.
type format struct {
	jsbridge.Value
	key string
}

func (f format) fail(problem string) error {
	return &onerefresh.RecordError{Where: f.key, Problem: "its format " + problem}
}

func (f format) Read(text string) (onerefresh.Token, error) {
	v, err := f.Call("read", text)
	switch {
	case err != nil:
		return onerefresh.Token{}, f.fail("cannot read it")
	case v.IsNull(), v.IsUndefined():
		return onerefresh.Token{}, nil
	case !v.IsObject():
		return onerefresh.Token{}, f.fail("does not read it as an object")
	}
	var t onerefresh.Token
	for _, m := range texts(&t) {
		member, err := v.Get(m.name)
		if err == nil && (member.IsUndefined() || member.IsNull()) {
			continue
		}
		text, ok := member.Text()
		if err != nil || !ok {
			return onerefresh.Token{}, f.fail("does not read " + m.name + " as a string")
		}
		*m.text = text
	}
	for _, m := range times(&t) {
		member, err := v.Get(m.name)
		if err == nil && (member.IsUndefined() || member.IsNull()) {
			continue
		}
		ms, ok := member.Number()
		if err != nil || !ok || !(ms >= 0 && ms <= mostMilliseconds) {
			return onerefresh.Token{}, f.fail("does not read " + m.name + " as milliseconds since 1970")
		}
		*m.time = time.UnixMilli(int64(ms))
	}
	return t, nil
}

type member struct {
	name string
	text *string
	time *time.Time
}

// texts are the members of a record that are strings.
func texts(t *onerefresh.Token) []member {
	return []member{
		{name: "access_token", text: &t.AccessToken},
		{name: "token_type", text: &t.TokenType},
		{name: "refresh_token", text: &t.RefreshToken},
		{name: "scope", text: &t.Scope},
		{name: "id_token", text: &t.IDToken},
	}
}

// times are the members of a record that are in milliseconds since 1970.
func times(t *onerefresh.Token) []member {
	return []member{
		{name: "received_at", time: &t.Received},
		{name: "expires_at", time: &t.Expiry},
	}
}

// mostMilliseconds is what a Date can hold.
const mostMilliseconds = 8.64e15

// record returns what the functions of the page get to see of a token.
func (f format) record(t onerefresh.Token) any {
	if t.AccessToken == "" && t.RefreshToken == "" {
		return jsbridge.Null()
	}
	r := make(map[string]any)
	for name, text := range t.Extra {
		if v, err := jsbridge.ParseJSON(text); err == nil {
			r[name] = v
		}
	}
	for _, m := range texts(&t) {
		delete(r, m.name)
		if *m.text != "" {
			r[m.name] = *m.text
		}
	}
	for _, m := range times(&t) {
		delete(r, m.name)
		if !m.time.IsZero() {
			r[m.name] = float64(m.time.UnixMilli())
		}
	}
	return r
}

func orNull(text string) any {
	if text == "" {
		return jsbridge.Null()
	}
	return text
}

func (f format) Write(t onerefresh.Token, text string) (string, error) {
	v, err := f.Call("write", f.record(t), orNull(text))
	if err != nil {
		return "", f.fail("cannot write it")
	}
	written, ok := v.Text()
	if !ok {
		return "", f.fail("does not write a string")
	}
	return written, nil
}

func (f format) Beside() []string {
	beside, err := f.Get("beside")
	if err != nil || !beside.IsObject() {
		return nil
	}
	names, _ := keys(beside)
	return names
}

func (f format) Copy(key string, t onerefresh.Token, text string) (string, error) {
	beside, err := f.Get("beside")
	if err != nil {
		return "", err
	}
	v, err := beside.Call(key, f.record(t), orNull(text))
	if err != nil {
		return "", err
	}
	copied, ok := v.Text()
	if !ok && !v.IsNull() {
		return "", f.fail("copies no string")
	}
	return copied, nil
}
