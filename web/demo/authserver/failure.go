package authserver

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
)

// A FailureKind says what goes wrong with a token request.
//
// Mind that after a reset Chromium sends the request again by itself, although
// it is a POST, if the connection had served another one before: what the page
// gets is the answer to the second presentation of its refresh token. With
// [http.Server.SetKeepAlivesEnabled] set to false the page sees the failure.
type FailureKind string

const (
	FailStatus    FailureKind = "status"     // Status, Header and Body are the answer
	FailReset     FailureKind = "reset"      // the connection is reset before any byte of an answer
	FailHang      FailureKind = "hang"       // no answer, until the client gives up or the server is closed
	FailHTML      FailureKind = "html"       // a page with status 200, as captive portals have it
	FailBadJSON   FailureKind = "bad_json"   // status 200 and application/json, and no JSON
	FailTruncated FailureKind = "truncated"  // half of a good answer, and the connection ends
	FailNoAccess  FailureKind = "no_access"  // a good answer without access_token
	FailNoRefresh FailureKind = "no_refresh" // a good answer without refresh_token: the old one stays good
	FailExpiresIn FailureKind = "expires_in" // a good answer with ExpiresIn
)

// A Failure befalls the next Count token requests. In JSON the members are the
// fields' names in snake case.
type Failure struct {
	Kind FailureKind `json:"kind"`

	// Count is 1 if it is 0.
	Count int `json:"count,omitempty"`

	// Rotate says that the refresh token is spent all the same, or the code:
	// the answer is lost, and not the request. It is implied by the kinds that
	// alter a good answer, but for FailNoRefresh, which excludes it.
	Rotate bool `json:"rotate,omitempty"`

	// With FailStatus. The default is 503 with an empty body.
	Status int         `json:"status,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"`

	// ExpiresIn is the JSON text of the member, or Omit, with FailExpiresIn.
	ExpiresIn string `json:"expires_in,omitempty"`
}

// check reports what makes no sense.
func (f Failure) check() error {
	switch f.Kind {
	case FailStatus:
		if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
			return fmt.Errorf("status %d is out of range", f.Status)
		}
	case FailReset, FailHang, FailHTML, FailBadJSON, FailTruncated, FailNoAccess, FailNoRefresh:
	case FailExpiresIn:
		if err := checkExpiresIn(f.ExpiresIn); err != nil {
			return err
		}
	default:
		return fmt.Errorf("kind %q is not known", f.Kind)
	}
	if f.Count < 0 {
		return errors.New("count is negative")
	}
	return nil
}

// next returns the settings for a token request, and the failure that befalls
// it, which has no kind if there is none.
func (s *Server) next() (Settings, Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	settings := s.settings
	if len(settings.Failures) == 0 {
		return settings, Failure{}
	}
	f := settings.Failures[0]
	if f.Count > 1 {
		s.settings = settings.clone()
		s.settings.Failures[0].Count--
	} else {
		s.settings.Failures = settings.Failures[1:]
	}
	return settings, f
}

// early reports whether the request fails before it is decided.
func (f Failure) early() bool {
	switch f.Kind {
	case FailStatus, FailReset, FailHang, FailHTML, FailBadJSON:
		return !f.Rotate
	}
	return false
}

// alter returns what is left of a good answer.
func (f Failure) alter(t TokenResponse) TokenResponse {
	switch f.Kind {
	case FailNoAccess:
		t.AccessToken = ""
	case FailNoRefresh:
		t.RefreshToken = ""
	case FailExpiresIn:
		t.ExpiresIn = expiresIn(f.ExpiresIn)
	}
	return t
}

// answer writes a, or what the failure makes of it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, f Failure, a answer) {
	switch f.Kind {
	case FailStatus:
		a = answer{status: f.Status, body: []byte(f.Body)}
		if a.status == 0 {
			a.status = http.StatusServiceUnavailable
		}
		maps.Copy(w.Header(), f.Header)
	case FailHTML:
		a = answer{status: http.StatusOK, contentType: "text/html; charset=utf-8", body: []byte("<!doctype html><title>Welcome</title><p>Please accept our terms of use.")}
	case FailBadJSON:
		a = answer{status: http.StatusOK, contentType: jsonType, body: []byte(`{"access_token": "`)}
	case FailReset:
		reset(w)
		return
	case FailHang:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case FailTruncated:
		w.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
		a.body = a.body[:len(a.body)/2]
		a.write(w)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	a.write(w)
}

// reset resets the connection, so that no answer can come.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // RST instead of FIN
	}
	conn.Close()
}
