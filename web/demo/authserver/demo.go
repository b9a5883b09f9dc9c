package authserver

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

func (s *Server) serveSettings(w http.ResponseWriter, r *http.Request) {
	jsonAnswer(http.StatusOK, s.Settings()).write(w)
}

func (s *Server) serveChangeSettings(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		s.Configure(func(settings *Settings) { err = json.Unmarshal(body, settings) })
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.serveSettings(w, r)
}

// serveOpenGrant takes {"user": …, "expires_in": …}, or nothing.
func (s *Server) serveOpenGrant(w http.ResponseWriter, r *http.Request) {
	var request struct {
		User      string  `json:"user"`
		ExpiresIn float64 `json:"expires_in"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&request)
	if err != nil && !errors.Is(err, io.EOF) {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	lifetime := time.Duration(max(0, request.ExpiresIn) * float64(time.Second))
	jsonAnswer(http.StatusOK, s.OpenGrant(request.User, lifetime)).write(w)
}

func (s *Server) serveExpire(w http.ResponseWriter, r *http.Request) {
	if !s.Expire(r.PathValue("grant")) {
		http.Error(w, "no such grant", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) serveLedger(w http.ResponseWriter, r *http.Request) {
	if !r.URL.Query().Has("grant") {
		jsonAnswer(http.StatusOK, s.Totals()).write(w)
		return
	}
	l, ok := s.Ledger(r.URL.Query().Get("grant"))
	if !ok {
		http.Error(w, "no such grant", http.StatusNotFound)
		return
	}
	jsonAnswer(http.StatusOK, l).write(w)
}
