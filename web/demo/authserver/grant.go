package authserver

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"time"
)

// A digest stands for a token, which itself is not kept.
type digest [sha256.Size]byte

func hash(token string) digest { return sha256.Sum256([]byte(token)) }

// A grant is one sign-in: a family of refresh tokens, and the access tokens
// that came with them. Server.mu guards it.
type grant struct {
	ledger        Ledger // without the presentations
	presentations []*Presentation
	scope         string
}

func (g *grant) revoked() bool { return !g.ledger.Revoked.IsZero() }

func (g *grant) revoke(reason RevocationReason) {
	if !g.revoked() {
		g.ledger.Revoked = time.Now()
		g.ledger.RevokedFor = reason
	}
}

type refreshToken struct {
	grant      *grant
	generation int
	spent      time.Time // zero while it is good
}

type accessToken struct {
	grant      *grant
	generation int // of the refresh token that came with it
	scope      string
	expiry     time.Time
}

// A TokenResponse is a good answer of the token endpoint.
// See https://www.rfc-editor.org/rfc/rfc6749#section-5.1.
type TokenResponse struct {
	AccessToken  string          `json:"access_token,omitempty"`
	TokenType    string          `json:"token_type"`
	ExpiresIn    json.RawMessage `json:"expires_in,omitempty"`
	RefreshToken string          `json:"refresh_token,omitempty"`
	Scope        string          `json:"scope,omitempty"`
	Grant        string          `json:"grant"` // names the Ledger; no secret
}

// A life is how long an access token lives, and how long it is said to.
type life struct {
	lifetime  time.Duration
	expiresIn json.RawMessage // nil leaves the member out
}

func (s Settings) life() life {
	l := life{lifetime: s.AccessTokenLifetime}
	if l.lifetime == 0 {
		l.lifetime = time.Hour
	}
	l.expiresIn = seconds(l.lifetime)
	if s.ExpiresIn != "" {
		l.expiresIn = expiresIn(s.ExpiresIn)
	}
	return l
}

func seconds(d time.Duration) json.RawMessage {
	return strconv.AppendFloat(nil, d.Seconds(), 'f', -1, 64)
}

// expiresIn returns the member for a JSON text or Omit.
func expiresIn(text string) json.RawMessage {
	if text == Omit {
		return nil
	}
	return json.RawMessage(text)
}

// OpenGrant opens a grant without a login. Its access token lives as long as
// stated: with lifetime 0 it is stale from the start.
func (s *Server) OpenGrant(user string, lifetime time.Duration) TokenResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open(user, "", life{lifetime, seconds(lifetime)})
}

// Expire ends the access tokens of a grant, whatever they were stated to live.
// It reports whether the grant exists.
func (s *Server) Expire(grant string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.access {
		if t.grant.ledger.Grant == grant {
			t.expiry = time.Now()
		}
	}
	return s.grants[grant] != nil
}

// open makes a grant and its first tokens.
func (s *Server) open(user, scope string, l life) TokenResponse {
	id := rand.Text()
	g := &grant{ledger: Ledger{Grant: id, User: user, Opened: time.Now()}, scope: scope}
	s.grants[id] = g
	return s.issue(g, 0, scope, l)
}

// issue makes an access token, and the refresh token of a generation.
func (s *Server) issue(g *grant, generation int, scope string, l life) TokenResponse {
	t := s.issueAccess(g, generation, scope, l)
	t.RefreshToken = rand.Text()
	s.refresh[hash(t.RefreshToken)] = &refreshToken{grant: g, generation: generation}
	return t
}

func (s *Server) issueAccess(g *grant, generation int, scope string, l life) TokenResponse {
	text := rand.Text()
	s.access[hash(text)] = &accessToken{grant: g, generation: generation, scope: scope, expiry: time.Now().Add(l.lifetime)}
	return TokenResponse{AccessToken: text, TokenType: "Bearer", ExpiresIn: l.expiresIn, Scope: scope, Grant: g.ledger.Grant}
}

// rotate decides about a refresh token. The response is good unless the
// outcome is OutcomeReuse or OutcomeRevoked.
// See https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2.
func (s *Server) rotate(old *refreshToken, scope string, settings Settings, f Failure) (TokenResponse, Outcome) {
	outcome := OutcomeRotated
	switch {
	case old.grant.revoked():
		return TokenResponse{}, OutcomeRevoked
	case !old.spent.IsZero() && time.Since(old.spent) >= settings.GracePeriod:
		old.grant.revoke(RevokedForReuse)
		return TokenResponse{}, OutcomeReuse
	case !old.spent.IsZero():
		outcome = OutcomeGrace
	case f.Kind == FailNoRefresh:
		return s.issueAccess(old.grant, old.generation, scope, settings.life()), OutcomeKept
	default:
		old.spent = time.Now()
	}
	return s.issue(old.grant, old.generation+1, scope, settings.life()), outcome
}
