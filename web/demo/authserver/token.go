package authserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const jsonType = "application/json"

// An answer is that of the token endpoint.
type answer struct {
	status      int
	contentType string
	body        []byte
}

func (a answer) write(w http.ResponseWriter) {
	noStore(w)
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// https://www.rfc-editor.org/rfc/rfc6749#section-5.1
func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
}

func jsonAnswer(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil { // an ExpiresIn that was set in Go and is no JSON
		return answer{status: http.StatusInternalServerError, body: []byte(err.Error())}
	}
	return answer{status: status, contentType: jsonType, body: body}
}

// refusal is the answer of https://www.rfc-editor.org/rfc/rfc6749#section-5.2.
func refusal(code, description string) answer {
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	return jsonAnswer(status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description})
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	settings, failure := s.next()
	form, refused := readForm(w, r)
	if refused != nil {
		refused.write(w)
		return
	}
	var a answer
	done := func() {}
	switch form.Get("grant_type") {
	case "authorization_code":
		a = s.redeem(form, settings, failure)
	case "refresh_token":
		a, done = s.present(form, settings, failure)
	case deviceGrant:
		a = s.redeemDevice(form, settings, failure)
	case "":
		a = refusal("invalid_request", "grant_type is missing")
	default:
		a = refusal("unsupported_grant_type", "authorization_code, device_code and refresh_token are")
	}
	s.wait(settings.LatencyAfter)
	done()
	s.answer(w, r, failure, a)
}

// readForm returns the parameters of a request by the public client.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, *answer) {
	refuse := func(code, description string) (url.Values, *answer) {
		a := refusal(code, description)
		return nil, &a
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		return refuse("invalid_request", "the form cannot be read")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return refuse("invalid_request", name+" is given more than once")
		}
	}
	if _, _, ok := r.BasicAuth(); ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="demo"`)
		return refuse("invalid_client", "a public client has no password to authenticate with")
	}
	if r.PostForm.Get("client_id") != ClientID {
		return refuse("invalid_client", "client_id must be "+ClientID)
	}
	return r.PostForm, nil
}

// redeem answers https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3.
func (s *Server) redeem(form url.Values, settings Settings, f Failure) answer {
	s.wait(settings.LatencyBefore)
	if f.early() {
		return answer{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.codes[hash(form.Get("code"))]
	switch {
	case c == nil || time.Since(c.issued) > codeLifetime:
		return refusal("invalid_grant", "the code is not known, or too old")
	case c.grant != nil:
		// https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
		c.grant.revoke(RevokedForCodeReuse)
		return refusal("invalid_grant", "the code was used before; what it granted is revoked")
	case form.Get("redirect_uri") != c.redirectURI:
		return refusal("invalid_grant", "redirect_uri is not that of the authorization request")
	case !c.verify(form.Get("code_verifier")):
		return refusal("invalid_grant", "code_verifier does not match")
	}
	t := s.open(c.user, c.scope, settings.life())
	c.grant = s.grants[t.Grant]
	return jsonAnswer(http.StatusOK, f.alter(t))
}

// verify implements https://www.rfc-editor.org/rfc/rfc7636#section-4.6.
func (c *code) verify(verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	return len(verifier) >= 43 && len(verifier) <= 128 &&
		subtle.ConstantTimeCompare([]byte(challenge), []byte(c.challenge)) == 1
}

// present answers https://www.rfc-editor.org/rfc/rfc6749#section-6, and keeps
// the ledger. done must be called before the answer is written.
func (s *Server) present(form url.Values, settings Settings, f Failure) (a answer, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.refresh[hash(form.Get("refresh_token"))]
	if token == nil {
		s.unknown++
		return refusal("invalid_grant", "the refresh token is not known"), func() {}
	}
	p := &Presentation{Generation: token.generation, Arrived: time.Now(), Outcome: OutcomePending, Failure: f.Kind}
	token.grant.presentations = append(token.grant.presentations, p)

	s.mu.Unlock()
	s.wait(settings.LatencyBefore)
	s.mu.Lock()

	a, p.Outcome = s.decide(token, form, settings, f)
	p.Decided = time.Now()
	return a, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.Answered = time.Now()
	}
}

func (s *Server) decide(token *refreshToken, form url.Values, settings Settings, f Failure) (answer, Outcome) {
	scope := token.grant.scope
	if requested := form.Get("scope"); requested != "" {
		if !within(requested, scope) {
			return refusal("invalid_scope", "more than was granted"), OutcomeRefused
		}
		scope = requested
	}
	if f.early() {
		return answer{}, OutcomeFailed
	}
	t, outcome := s.rotate(token, scope, settings, f)
	switch outcome {
	case OutcomeReuse:
		return refusal("invalid_grant", "the refresh token was used before; the family is revoked"), outcome
	case OutcomeRevoked:
		return refusal("invalid_grant", "the family of the refresh token is revoked"), outcome
	}
	return jsonAnswer(http.StatusOK, f.alter(t)), outcome
}

func within(requested, granted string) bool {
	all := strings.Fields(granted)
	for _, scope := range strings.Fields(requested) {
		if !slices.Contains(all, scope) {
			return false
		}
	}
	return true
}

// serveRevoke answers https://www.rfc-editor.org/rfc/rfc7009#section-2. With a
// refresh token the whole grant ends, with an access token that alone.
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	form, refused := readForm(w, r)
	if refused != nil {
		refused.write(w)
		return
	}
	token := form.Get("token")
	if token == "" {
		refusal("invalid_request", "token is missing").write(w)
		return
	}
	s.mu.Lock()
	if t := s.refresh[hash(token)]; t != nil {
		t.grant.revoke(RevokedOnRequest)
	}
	delete(s.access, hash(token))
	s.mu.Unlock()
	answer{status: http.StatusOK}.write(w)
}
