package authserver

import (
	"net/http"
	"strings"
	"time"
)

// serveResource answers who the token is for, or why it is refused.
// See https://www.rfc-editor.org/rfc/rfc6750#section-3.
func (s *Server) serveResource(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		w.Header().Set("WWW-Authenticate", `Bearer realm="demo"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	t, ok := s.accepted(token)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="demo", error="invalid_token", error_description="expired or revoked"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	jsonAnswer(http.StatusOK, struct {
		User       string `json:"user"`
		Scope      string `json:"scope,omitempty"`
		Grant      string `json:"grant"`
		Generation int    `json:"generation"`
	}{t.grant.ledger.User, t.scope, t.grant.ledger.Grant, t.generation}).write(w)
}

// accepted returns what an access token is good for, if it is good.
func (s *Server) accepted(token string) (accessToken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.access[hash(token)]
	if t == nil || t.grant.revoked() || !time.Now().Before(t.expiry) {
		return accessToken{}, false
	}
	return *t, true
}
