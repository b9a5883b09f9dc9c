package tokenlog

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/onerefresh/onerefresh/internal/jsontext"
)

// A Parser makes events of records.
type Parser struct {
	// Path is that of the token endpoint, or its end. The default is
	// "/token", and with a suffix as Medplum's and others' have it.
	Path string
}

// Parse returns the event that a record tells of, or false if it tells of
// none. A record is a line, or a JSON text.
func (p *Parser) Parse(record []byte) (Event, bool) {
	if !relevant(record) {
		return Event{}, false
	}
	e, ok := p.parse(strings.TrimSpace(string(record)), 0)
	if !ok {
		return Event{}, false
	}
	// What an event keeps must not keep the record.
	for _, s := range []*string{&e.Client, &e.Session, &e.User, &e.Address, &e.Request, &e.Code} {
		*s = strings.Clone(*s)
	}
	return e, true
}

// relevant is quick to say no.
func relevant(record []byte) bool {
	for _, part := range [...]string{"oken", "efresh", "OKEN", "_grant", "rtft", "ferrt"} {
		if bytes.Contains(record, []byte(part)) {
			return true
		}
	}
	return false
}

func (p *Parser) parse(text string, depth int) (Event, bool) {
	begin := strings.IndexByte(text, '{')
	if begin >= 0 && strings.HasSuffix(text, "}") {
		if v, err := jsontext.Parse(text[begin:]); err == nil {
			e, ok := p.parseJSON(v, depth)
			if ok && e.At == 0 {
				e.At = leadingClock(text[:begin]) // of a container's log, or of syslog
			}
			return e, ok
		}
	}
	if e, ok, is := p.parseAccess(text); is {
		return e, ok
	}
	return p.parseText(text)
}

func (p *Parser) parseJSON(v jsontext.Value, depth int) (Event, bool) {
	members, ok := v.Members()
	if !ok {
		return Event{}, false
	}
	if data := member(members, "data"); data != "" && member(members, "log_id") != "" {
		members, _ = data.Members() // Auth0's log streams
	}
	kind := text(members, "type")
	switch {
	case member(members, "eventType") != "" && member(members, "published") != "":
		return okta(members)
	case auth0Types[kind] != 0:
		return auth0(members)
	case strings.HasPrefix(kind, "REFRESH_TOKEN"):
		return keycloak(members)
	}
	if depth < 2 {
		// A line that was put into JSON: by Docker ("log"), by Keycloak and
		// others ("message").
		for _, name := range [...]string{"log", "message"} {
			line := text(members, name)
			if name == "message" && !strings.Contains(line, "REFRESH_TOKEN") {
				continue
			}
			if line != "" {
				if e, ok := p.parse(strings.TrimSpace(line), depth+1); ok {
					if e.At == 0 {
						var f fields
						f.read("", members, deepest)
						e.At, _ = parseClock(f[fTime])
					}
					return e, true
				}
			}
		}
	}
	var f fields
	f.read("", members, 0)
	return p.event(&f)
}

// parseText reads a line with key=value in it, as logfmt and Keycloak have it.
func (p *Parser) parseText(line string) (Event, bool) {
	var f fields
	f.pairs(line)
	at := leadingClock(line)
	if at == 0 {
		at, _ = parseClock(f[fTime])
	}
	var e Event
	var ok bool
	if strings.HasPrefix(f[fEvent], "REFRESH_TOKEN") {
		e, ok = keycloakFields(&f)
	} else {
		f.set(fText, line)
		e, ok = p.event(&f)
	}
	e.At = at
	return e, ok
}

// leadingClock returns the time at the beginning of a line, or 0.
func leadingClock(line string) int64 {
	line = strings.TrimLeft(line, " \t[\"")
	if ns, n := parseISO(line); n > 0 {
		return ns
	}
	// Syslog of old: Nov 21 15:04:05.
	if len(line) >= 15 {
		if ns, ok := parseClock(line[:15]); ok {
			return ns
		}
	}
	if word, _, _ := strings.Cut(line, " "); len(word) >= 10 {
		if ns, ok := parseUnix(word); ok {
			return ns
		}
	}
	return 0
}

// parseAccess reads the combined log format, and what has a request line in
// quotes and a status after it. is tells whether the line is of that kind.
// See https://httpd.apache.org/docs/2.4/logs.html#combined.
func (p *Parser) parseAccess(line string) (e Event, ok, is bool) {
	before, rest, found := strings.Cut(line, `"`)
	if !found {
		return e, false, false
	}
	request, rest := quoted(rest)
	method, target, found := strings.Cut(request, " ")
	if !found || method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return e, false, false
	}
	rest = strings.TrimLeft(rest, " ")
	status, rest, _ := strings.Cut(rest, " ")
	if len(status) != 3 {
		return e, false, false
	}
	if _, err := strconv.Atoi(status); err != nil {
		return e, false, false
	}
	var f fields
	target, _, _ = strings.Cut(target, " ")
	f[fMethod], f[fPath], f[fStatus] = method, target, status
	words := strings.Fields(before)
	if len(words) > 2 {
		f.set(fAddress, words[0])
		f.set(fUser, words[2])
	}
	if _, referer, found := strings.Cut(rest, `"`); found {
		_, referer = quoted(referer)
		if _, agent, found := strings.Cut(referer, `"`); found {
			agent, more := quoted(agent)
			f.set(fAgent, agent)
			f.pairs(more) // request_time=…, client_id=…
		}
	}
	if open := strings.IndexByte(before, '['); open >= 0 {
		clock, _, _ := strings.Cut(before[open+1:], "]")
		f[fTime] = clock
	}
	e, ok = p.event(&f)
	return e, ok, true
}

// event says what the fields of a record amount to.
func (p *Parser) event(f *fields) (Event, bool) {
	if f[fLine] != "" && f[fPath] == "" { // "request": "POST /token HTTP/1.1"
		if method, target, ok := strings.Cut(f[fLine], " "); ok {
			f[fMethod] = method
			f[fPath], _, _ = strings.Cut(target, " ")
		}
	}
	outcome, code := p.outcome(f)
	if outcome == 0 {
		return Event{}, false
	}
	e := Event{
		Outcome: outcome, Code: code,
		Client: f[fClient], Session: f[fSession], User: f[fUser], Address: f[fAddress], Request: f[fRequest],
	}
	if e.Address != "" && f[fAgent] != "" {
		e.Address += " " + f[fAgent]
	}
	e.At, _ = parseClock(f[fTime])
	return e, true
}

func (p *Parser) outcome(f *fields) (Outcome, string) {
	status, _ := strconv.Atoi(f[fStatus])
	if f[fStatus] == "" {
		status, _ = strconv.Atoi(f[fCode])
	}
	result := ""
	if status == 0 {
		result = f[fStatus] // "success"
	}
	grant := f[fGrantType]
	path, query, _ := strings.Cut(f[fPath], "?")
	if _, value, ok := strings.Cut("&"+query, "&grant_type="); ok {
		grant, _, _ = strings.Cut(value, "&")
	}
	switch {
	case grant != "" && grant != "refresh_token",
		f[fMethod] != "" && f[fMethod] != "POST",
		status == 429, status >= 500: // nothing was decided, or nobody knows
		return 0, ""
	}
	here := path != "" && p.isTokenPath(path)
	if path != "" && !here && grant == "" {
		return 0, ""
	}

	said := strings.ToLower(f[fError] + " " + f[fCode] + " " + f[fText] + " " + f[fEvent])
	if outcome, code := refusal(said); outcome != 0 {
		return outcome, code
	}
	switch {
	case !here && grant == "":
	case status == 200 || status == 201:
		return Granted, ""
	case f[fError] != "": // invalid_client and the like
		return 0, ""
	case status == 400 || status == 401 || status == 403:
		return Refused, "HTTP " + strconv.Itoa(status)
	}
	if grant == "" && !strings.Contains(said, "refresh") || f[fError] != "" {
		return 0, ""
	}
	said += " " + strings.ToLower(f[fResult]+" "+result)
	for _, no := range [...]string{"fail", "error", "invalid", "unable", "denied", "cannot", "not ", "expired", "refus", "reject", "false", "will ", "retry"} {
		if strings.Contains(said, no) {
			return 0, ""
		}
	}
	for _, yes := range [...]string{"success", "succeeded", "refreshed", "rotated", "renewed", "issued", "granted", "true"} {
		if strings.Contains(said, yes) {
			return Granted, ""
		}
	}
	return 0, ""
}

// isTokenPath reports whether path ends as that of a token endpoint does.
func (p *Parser) isTokenPath(path string) bool {
	if p.Path != "" {
		return strings.HasSuffix(path, p.Path)
	}
	return strings.HasSuffix(path, "/token") || strings.HasSuffix(path, "/tokens") || strings.HasSuffix(path, "/refresh") || path == "token"
}

// refusals are what servers call a refresh token that is no good. The first one
// that is found counts.
var refusals = [...]struct {
	part, code string
	outcome    Outcome
}{
	{"refresh_token_reused", "refresh_token_reused", Reused},
	{"refresh_token_already_used", "refresh_token_already_used", Reused},
	{"refreshtokenreuse", "RefreshTokenReuseException", Reused},
	{"detect_reuse", "detect_reuse", Reused},
	{"token reuse", "reuse", Reused},
	{"reuse detected", "reuse", Reused},
	{"already exchanged", "already exchanged", Reused}, // WorkOS
	{"already used", "already used", Reused},
	{"used before", "used before", Reused},
	{"invalid_grant", "invalid_grant", Refused},
	{"token_inactive", "token_inactive", Refused},
	{"refresh_token_not_found", "refresh_token_not_found", Refused},
	{"refresh token not found", "refresh_token_not_found", Refused},
	{"invalid refresh token", "invalid refresh token", Refused},
}

func refusal(said string) (Outcome, string) {
	for _, r := range &refusals {
		if strings.Contains(said, r.part) {
			if strings.Contains(said, "authorization code") || strings.Contains(said, "authorization_code") || r.code[0] == 'a' && !strings.Contains(said, "token") {
				return 0, ""
			}
			return r.outcome, r.code
		}
	}
	return 0, ""
}

func member(members []jsontext.Member, name string) jsontext.Value {
	for _, m := range members {
		if m.Name == name && !m.Value.IsNull() {
			return m.Value
		}
	}
	return ""
}

func text(members []jsontext.Member, path ...string) string {
	for i, name := range path {
		v := member(members, name)
		if i == len(path)-1 {
			if s, ok := v.Text(); ok {
				return s
			}
			return string(v)
		}
		members, _ = v.Members()
	}
	return ""
}
