package bff

import (
	"crypto/rand"
	"net/http"
	"sync"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/group"
)

// A session is one sign-in of one browser.
type session struct {
	grant string // names the ledger; no secret
	token onerefresh.Token
}

// sessions implements [group.Sessions]. It forgets with the process; a program
// has a database in its place.
type sessions struct {
	mu   sync.Mutex
	rows map[string]session // by the value of the cookie; guarded by mu
}

func newSessions() *sessions { return &sessions{rows: make(map[string]session)} }

// begin signs in the browser that sent a request, instead of what it was signed
// in to, under a name that nobody can have known before.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request, row session) {
	s.end(r)
	id := rand.Text()
	s.mu.Lock()
	s.rows[id] = row
	s.mu.Unlock()
	setCookie(w, r, cookieName, id, 0)
}

// of returns the session of the browser that sent a request.
func (s *sessions) of(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[cookie.Value]
	return row, ok
}

// end removes that session, and returns it.
func (s *sessions) end(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[cookie.Value]
	delete(s.rows, cookie.Value)
	return row, ok
}

// update puts a token in the place of the one with key's refresh token, and
// reports whether there is one.
func (s *sessions) update(key group.Key, token onerefresh.Token) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, row := range s.rows {
		if row.token.RefreshToken == key.RefreshToken {
			row.token = token
			s.rows[id] = row
			return true
		}
	}
	return false
}

// Find implements [group.Sessions].
func (s *sessions) Find(r *http.Request) (group.Key, onerefresh.Token, bool, error) {
	row, ok := s.of(r)
	return group.Key{Client: server(r), RefreshToken: row.token.RefreshToken}, row.token, ok, nil
}

// End implements [group.Sessions].
func (s *sessions) End(r *http.Request, key group.Key) error {
	if row, ok := s.of(r); ok && row.token.RefreshToken == key.RefreshToken {
		s.end(r)
	}
	return nil
}

const cookieName = "session"

// setCookie sets a cookie that no script can read, for one session of this
// backend. A negative age removes it. The demonstration runs on plain http,
// where not every browser takes a cookie that is Secure: over https it is, and
// alone on its host it had better be named __Host-session.
func setCookie(w http.ResponseWriter, r *http.Request, name, value string, age int) {
	sameSite := http.SameSiteStrictMode
	if name == loginName {
		sameSite = http.SameSiteLaxMode // it has to come along from the login page, which may be of another site
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/bff/" + r.PathValue("session"), MaxAge: age,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: sameSite,
	})
}
