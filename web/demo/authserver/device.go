package authserver

import (
	"crypto/rand"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// deviceGrant is the grant type of
// https://www.rfc-editor.org/rfc/rfc8628#section-3.4.
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

const deviceLifetime = 10 * time.Minute

// A device waits for its user to sign in elsewhere. Server.mu guards it.
type device struct {
	userCode string
	scope    string
	issued   time.Time
	user     string
	denied   bool
}

// serveDeviceAuthorization answers
// https://www.rfc-editor.org/rfc/rfc8628#section-3.2.
func (s *Server) serveDeviceAuthorization(w http.ResponseWriter, r *http.Request) {
	form, refused := readForm(w, r)
	if refused != nil {
		refused.write(w)
		return
	}
	deviceCode, userCode := rand.Text(), rand.Text()[:8]
	s.mu.Lock()
	s.devices[hash(deviceCode)] = &device{userCode: userCode, scope: form.Get("scope"), issued: time.Now()}
	s.mu.Unlock()
	page := url.URL{Scheme: "http", Host: r.Host, Path: "/device"}
	if r.TLS != nil {
		page.Scheme = "https"
	}
	complete := page
	complete.RawQuery = url.Values{"user_code": {userCode}}.Encode()
	jsonAnswer(http.StatusOK, struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		URI        string `json:"verification_uri"`
		Complete   string `json:"verification_uri_complete"`
		ExpiresIn  int    `json:"expires_in"`
		Interval   int    `json:"interval"`
	}{deviceCode, userCode, page.String(), complete.String(), int(deviceLifetime.Seconds()), 1}).write(w)
}

var devicePage = template.Must(template.New("device").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sign in a device</title><link rel="stylesheet" href="/authorize.css">
<form method="post">
<label>Code <input name="user_code" value="{{.Get "user_code"}}" required autocomplete="off"></label>
<label>User <input name="username" autofocus></label>
<button>Sign in</button>
</form></html>
`))

func serveDevice(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	devicePage.Execute(w, r.URL.Query())
}

// serveDeviceLogin signs in whoever is named in the form, on the device that
// shows the code; nobody named refuses it.
func (s *Server) serveDeviceLogin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	userCode := strings.ToUpper(strings.TrimSpace(r.PostFormValue("user_code")))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if d.userCode == userCode && d.user == "" && !d.denied && time.Since(d.issued) <= deviceLifetime {
			d.user = r.PostFormValue("username")
			d.denied = d.user == ""
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	http.Error(w, "This code is not known, or too old.", http.StatusNotFound)
}

// redeemDevice answers https://www.rfc-editor.org/rfc/rfc8628#section-3.5.
func (s *Server) redeemDevice(form url.Values, settings Settings, f Failure) answer {
	s.wait(settings.LatencyBefore)
	if f.early() {
		return answer{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := hash(form.Get("device_code"))
	d := s.devices[key]
	switch {
	case d == nil:
		return refusal("invalid_grant", "the device code is not known, or was used")
	case time.Since(d.issued) > deviceLifetime:
		return refusal("expired_token", "the device code is too old")
	case d.denied:
		return refusal("access_denied", "the user refused")
	case d.user == "":
		return refusal("authorization_pending", "the user has yet to sign in")
	}
	delete(s.devices, key)
	return jsonAnswer(http.StatusOK, f.alter(s.open(d.user, d.scope, settings.life())))
}
