package stores

import (
	"slices"
	"strconv"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/jsontext"
)

// version is that of the format; see [LocalStorageStore].
const version = 1

// Encode returns rec as JSON text, for stores that keep it elsewhere: the format
// is that of [LocalStorageStore]. The error is a [*onerefresh.FieldError] if an
// element of Extra is not JSON text.
func Encode(rec onerefresh.Record) (string, error) { return encode(&rec) }

func encode(rec *onerefresh.Record) (string, error) {
	o := newObject()
	o.number("v", version)
	o.number("generation", int64(rec.Generation))
	o.text("writer", rec.Writer)
	o.number("epoch", int64(rec.Epoch))

	token := &rec.Token
	o.text("access_token", token.AccessToken)
	o.text("token_type", token.TokenType)
	o.text("refresh_token", token.RefreshToken)
	o.text("scope", token.Scope)
	o.text("id_token", token.IDToken)
	o.time("received_at", token.Received)
	o.time("expires_at", token.Expiry)
	if len(token.Extra) > 0 {
		extra := newObject()
		for _, name := range names(token.Extra) {
			// Also so that no text gets out of its place.
			value, err := jsontext.Parse(token.Extra[name])
			if err != nil {
				return "", &onerefresh.FieldError{Field: name, Problem: "not JSON text"}
			}
			extra.member(name, value)
		}
		o.member("extra", extra.end())
	}
	if a := &rec.Attempt; a.Count != 0 || a.By != "" || !a.At.IsZero() {
		attempt := newObject()
		attempt.time("at", a.At)
		attempt.text("by", a.By)
		attempt.number("count", int64(a.Count))
		o.member("attempt", attempt.end())
	}
	if c := &rec.Cooldown; *c != (onerefresh.Cooldown{}) {
		cooldown := newObject()
		cooldown.time("at", c.At)
		cooldown.number("for", c.For.Milliseconds())
		cooldown.number("failures", int64(c.Failures))
		cooldown.text("code", string(c.Code))
		cooldown.text("reason", c.Reason)
		o.member("cooldown", cooldown.end())
	}
	if e := &rec.Ended; *e != (onerefresh.Ended{}) {
		ended := newObject()
		ended.text("reason", e.Reason)
		ended.text("description", e.Description)
		if e.AnswerLost {
			ended.member("answer_lost", "true")
		}
		o.member("ended", ended.end())
	}
	return string(o.end()), nil
}

// names returns the names of members in their order. There are few of them: the
// sort of package slices is large.
func names(members map[string]string) (names []string) {
	for name := range members {
		i := 0
		for i < len(names) && names[i] < name {
			i++
		}
		names = slices.Insert(names, i, name)
	}
	return names
}

// An object is the JSON text of one, as far as it is written. What is zero is
// left out.
type object struct{ json []byte }

func newObject() *object { return &object{[]byte{'{'}} }

func (o *object) member(name string, value jsontext.Value) {
	if len(o.json) > 1 {
		o.json = append(o.json, ',')
	}
	o.json = append(jsontext.AppendText(o.json, name), ':')
	o.json = append(o.json, value...)
}

func (o *object) text(name, value string) {
	if value != "" {
		o.member(name, jsontext.Value(jsontext.AppendText(nil, value)))
	}
}

func (o *object) number(name string, value int64) {
	if value != 0 {
		o.member(name, jsontext.Value(strconv.FormatInt(value, 10)))
	}
}

func (o *object) time(name string, value time.Time) {
	if !value.IsZero() {
		o.member(name, jsontext.Value(strconv.FormatInt(value.UnixMilli(), 10)))
	}
}

func (o *object) end() jsontext.Value { return jsontext.Value(append(o.json, '}')) }

// Decode returns the record of which text is the JSON text. Its generation is
// 0 if other code wrote it. The error is a [*onerefresh.RecordError] with that
// Where.
func Decode(where, text string) (onerefresh.Record, error) {
	rec := new(onerefresh.Record)
	err := decode(where, text, rec)
	return *rec, err
}

// decode sets rec, which is zero, if there is no error.
func decode(where, text string, rec *onerefresh.Record) error {
	r := &reader{where: where}
	value, err := jsontext.Parse(text)
	if err != nil {
		r.fail("", "not JSON text")
		return r.err
	}
	o, ok := r.fields("", value)
	if !ok {
		r.fail("", "not an object")
		return r.err
	}
	if v := o.integer("v"); r.err == nil && v != version {
		r.fail("v", "the format of another version")
	}
	rec.Generation = uint64(o.integer("generation"))
	rec.Writer = o.text("writer")
	rec.Epoch = uint64(o.integer("epoch"))

	token := &rec.Token
	token.AccessToken = o.text("access_token")
	token.TokenType = o.text("token_type")
	token.RefreshToken = o.text("refresh_token")
	token.Scope = o.text("scope")
	token.IDToken = o.text("id_token")
	token.Received = o.time("received_at")
	token.Expiry = o.time("expires_at")
	token.Extra = o.object("extra").texts()

	attempt := o.object("attempt")
	rec.Attempt.At = attempt.time("at")
	rec.Attempt.By = attempt.text("by")
	rec.Attempt.Count = int(attempt.integer("count"))

	cooldown := o.object("cooldown")
	rec.Cooldown.At = cooldown.time("at")
	rec.Cooldown.For = cooldown.duration("for")
	rec.Cooldown.Failures = int(cooldown.integer("failures"))
	rec.Cooldown.Code = onerefresh.Code(cooldown.text("code"))
	rec.Cooldown.Reason = cooldown.text("reason")

	ended := o.object("ended")
	rec.Ended.Reason = ended.text("reason")
	rec.Ended.Description = ended.text("description")
	rec.Ended.AnswerLost = ended.bool("answer_lost")
	if r.err != nil {
		*rec = onerefresh.Record{}
	}
	return r.err
}

// A reader notes the first thing that is wrong.
type reader struct {
	where string
	err   error
}

func (r *reader) fail(field, problem string) {
	if r.err == nil {
		r.err = &onerefresh.RecordError{Where: r.where, Field: field, Problem: problem}
	}
}

// fields are the members of an object. What is absent is zero.
type fields struct {
	*reader
	path    string // of the object, with a dot at its end
	members []jsontext.Member
}

func (r *reader) fields(path string, v jsontext.Value) (o fields, ok bool) {
	members, ok := v.Members()
	return fields{r, path, members}, ok
}

// member returns a member, or "" if there is none. The last one of a name
// counts, as in JavaScript.
func (o fields) member(name string) (v jsontext.Value) {
	for _, m := range o.members {
		if m.Name == name {
			v = m.Value
		}
	}
	return v
}

func (o fields) text(name string) string {
	v := o.member(name)
	s, ok := v.Text()
	if !ok && v != "" {
		o.fail(o.path+name, "not a string")
	}
	return s
}

func (o fields) bool(name string) bool {
	v := o.member(name)
	b, ok := v.Bool()
	if !ok && v != "" {
		o.fail(o.path+name, "not a boolean")
	}
	return b
}

func (o fields) integer(name string) int64 {
	v := o.member(name)
	n, ok := v.Integer()
	if v != "" && (!ok || n < 0) {
		o.fail(o.path+name, "not a whole number from 0 to 2^53-1")
		return 0
	}
	return n
}

func (o fields) time(name string) time.Time {
	if o.member(name) == "" {
		return time.Time{}
	}
	return time.UnixMilli(o.integer(name))
}

func (o fields) duration(name string) time.Duration {
	ms := o.integer(name)
	if ms > int64(1<<63-1)/int64(time.Millisecond) {
		o.fail(o.path+name, "out of range")
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

func (o fields) object(name string) fields {
	v := o.member(name)
	child, ok := o.fields(o.path+name+".", v)
	if !ok && v != "" {
		o.fail(o.path+name, "not an object")
	}
	return child
}

// texts returns the JSON texts of all members.
func (o fields) texts() map[string]string {
	if o.members == nil {
		return nil
	}
	all := make(map[string]string, len(o.members))
	for _, m := range o.members {
		all[m.Name] = string(m.Value)
	}
	return all
}
