package authserver

import (
	"crypto/rand"
	_ "embed"
	"html/template"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2 recommends ten minutes
// at most; a page that redeems it at once needs seconds.
const codeLifetime = time.Minute

// A code is an authorization code that was handed out. Server.mu guards it.
type code struct {
	user        string
	scope       string
	redirectURI string
	challenge   string
	issued      time.Time
	grant       *grant // what it was redeemed for
}

//go:embed login.html
var loginHTML string

//go:embed login.css
var loginCSS []byte

var loginPage = template.Must(template.New("login").Parse(loginHTML))

func serveLoginStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write(loginCSS)
}

// serveLogin shows a form that repeats the authorization request.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	if !checkAuthorize(w, r) {
		return
	}
	noStore(w)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// No form-action: it would hold for the redirect back to the client, too.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	loginPage.Execute(w, r.Form)
}

// serveAuthorize signs in whoever is named in the form.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	if !checkAuthorize(w, r) {
		return
	}
	text := rand.Text()
	s.mu.Lock()
	s.codes[hash(text)] = &code{
		user:        r.Form.Get("username"),
		scope:       r.Form.Get("scope"),
		redirectURI: r.Form.Get("redirect_uri"),
		challenge:   r.Form.Get("code_challenge"),
		issued:      time.Now(),
	}
	s.mu.Unlock()
	redirect(w, r, "code", text)
}

// checkAuthorize answers what is wrong with an authorization request: to the
// user, unless it is known where the client is.
// See https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1.
func checkAuthorize(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	switch err := r.ParseForm(); {
	case err != nil:
		http.Error(w, "The request cannot be read.", http.StatusBadRequest)
	case r.Form.Get("client_id") != ClientID:
		http.Error(w, "This client_id is not known.", http.StatusBadRequest)
	case !registered(r.Form.Get("redirect_uri"), r.Host):
		http.Error(w, "This redirect_uri is not registered for the client.", http.StatusBadRequest)
	case r.Form.Get("response_type") != "code":
		redirect(w, r, "error", "unsupported_response_type")
	case r.Form.Get("code_challenge_method") != "S256" || len(r.Form.Get("code_challenge")) != 43:
		redirect(w, r, "error", "invalid_request")
	case r.Method == http.MethodPost && r.Form.Get("username") == "":
		redirect(w, r, "error", "access_denied")
	default:
		return true
	}
	return false
}

// registered reports whether uri leads back to host, or to a program on the
// user's machine.
// See https://www.rfc-editor.org/rfc/rfc8252#section-7.3.
func registered(uri, host string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" || u.User != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Host == host || err == nil && addr.IsLoopback()
}

// redirect leads back to the client, with its state.
func redirect(w http.ResponseWriter, r *http.Request, name, value string) {
	u, err := url.Parse(r.Form.Get("redirect_uri"))
	if err != nil { // registered has parsed it
		panic(err)
	}
	q := u.Query()
	q.Set(name, value)
	if state := r.Form.Get("state"); state != "" {
		q.Set("state", state)
	}
	u.RawQuery = q.Encode()
	noStore(w)
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}
