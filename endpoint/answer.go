package endpoint

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/internal/jsontext"
)

// An answer is what an endpoint said, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// mostBytes is more than any token response has.
const mostBytes = 1 << 20

// readAnswer reads and closes the body.
func readAnswer(response *http.Response) (*answer, error) {
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > mostBytes {
		return nil, errors.New("the answer is too large")
	}
	return &answer{response.StatusCode, response.Header, body}, nil
}

// refusesClient reports whether nothing else than the way in which the client
// authenticates was looked at.
func (a *answer) refusesClient() bool {
	if a.status/100 != 4 {
		return false
	}
	code := textMember(a.members(), "error")
	return code == "invalid_client" || code == "" && a.status == http.StatusUnauthorized
}

// members returns those of the JSON object, or of the form, that the body is,
// and otherwise nil.
func (a *answer) members() []jsontext.Member {
	if v, err := jsontext.Parse(string(a.body)); err == nil {
		members, ok := v.Members()
		if ok && members == nil {
			members = []jsontext.Member{}
		}
		return members
	}
	if content, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); content != "application/x-www-form-urlencoded" {
		return nil
	}
	form, err := url.ParseQuery(string(a.body))
	if err != nil {
		return nil
	}
	members := []jsontext.Member{}
	for name, values := range form {
		value := jsontext.Value(jsontext.AppendText(nil, values[0]))
		if v, err := jsontext.Parse(values[0]); err == nil && name == "expires_in" {
			value = v
		}
		members = append(members, jsontext.Member{Name: name, Value: value})
	}
	return members
}

// tokenResponse returns what the answer, received now, says of a refresh token.
func (a *answer) tokenResponse(now time.Time) (onerefresh.Response, error) {
	members := a.members()
	refusal := &onerefresh.RefreshError{
		Status:      a.status,
		Code:        textMember(members, "error"),
		Description: textMember(members, "error_description"),
		RetryAfter:  retryAfter(a.header.Get("Retry-After"), now),
	}
	if a.status/100 != 2 {
		return onerefresh.Response{}, refusal
	}
	if members == nil {
		return onerefresh.Response{}, &onerefresh.FieldError{Problem: "status " + strconv.Itoa(a.status) + ", but not a JSON object"}
	}
	r, err := tokenResponse(members)
	if r.AccessToken == "" && refusal.Code != "" {
		return onerefresh.Response{}, refusal // with status 200, as GitHub does it
	}
	return r, err
}

// tokenResponse reads an answer of a token endpoint. The error is a
// *onerefresh.FieldError, and comes with what could be read: of an answer that
// breaks the contract the refresh token still counts.
// See https://www.rfc-editor.org/rfc/rfc6749#section-5.1.
func tokenResponse(members []jsontext.Member) (r onerefresh.Response, err error) {
	broken := func(name, problem string) {
		if err == nil {
			err = &onerefresh.FieldError{Field: name, Problem: problem}
		}
	}
	text := func(m jsontext.Member, to *string) {
		var ok bool
		if *to, ok = m.Value.Text(); !ok {
			broken(m.Name, "not a string")
		}
	}
	expires := false
	for _, m := range members {
		if m.Value.IsNull() {
			continue // as good as missing
		}
		switch m.Name {
		case "access_token":
			text(m, &r.AccessToken)
		case "token_type":
			text(m, &r.TokenType)
		case "refresh_token":
			text(m, &r.RefreshToken)
		case "scope":
			text(m, &r.Scope)
		case "id_token":
			text(m, &r.IDToken)
		case "expires_in":
			expires = true
			switch n, _, ok := m.Value.Shift(9); {
			case !ok:
				broken(m.Name, "not a number")
			case n < 0:
				broken(m.Name, "negative")
			default:
				r.ExpiresIn = min(time.Duration(n), longest)
			}
		default:
			if r.Extra == nil {
				r.Extra = make(map[string]string)
			}
			r.Extra[m.Name] = string(m.Value)
		}
	}
	if r.AccessToken == "" {
		broken("access_token", "missing or empty")
	}
	if !expires {
		broken("expires_in", onerefresh.Missing)
	}
	return r, err
}

// longest keeps times within what a record can hold.
const longest = 100 * 365 * 24 * time.Hour

func textMember(members []jsontext.Member, name string) (text string) {
	for _, m := range members {
		if m.Name == name {
			text, _ = m.Value.Text()
		}
	}
	return text
}

// retryAfter reads both forms of the header: seconds, and a date.
// See https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3.
func retryAfter(header string, now time.Time) time.Duration {
	if s, err := strconv.ParseUint(header, 10, 32); err == nil {
		return time.Duration(s) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
