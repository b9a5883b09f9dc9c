//go:build !(js && wasm)

package main

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

//go:embed page
var embedded embed.FS

// A server is the origin that all pages are of: the authorization server of the
// demonstration, in the shape that each peer insists on, and the bundles.
type server struct {
	auth  *authserver.Server
	built string       // folder of the bundles
	ahead atomic.Int64 // by how many ms the clocks of the pages are ahead
}

// answer is a token response, or a refusal.
type answer map[string]any

// extras are what a peer wants to find in a token response, by the path at which
// it expects the endpoint.
var extras = map[string]func(s *server, r *http.Request, a answer){
	"/token": func(*server, *http.Request, answer) {},
	// GoTrue tells a user, and has error codes of its own:
	// https://supabase.com/docs/guides/auth/debugging/error-codes
	"/supabase/token": func(_ *server, _ *http.Request, a answer) {
		a["user"] = answer{"id": "u1"}
		if a["error"] == "invalid_grant" {
			a["error_code"] = "refresh_token_already_used"
		}
	},
	"/medplum/oauth2/token": func(_ *server, _ *http.Request, a answer) {
		a["project"] = answer{"reference": "Project/1"}
		a["profile"] = answer{"reference": "Practitioner/u1"}
	},
	// spa-js verifies the claims of an ID token that comes with each answer.
	"/auth0/oauth/token": func(s *server, r *http.Request, a answer) {
		a["id_token"] = s.jwt(r, "id", time.Hour)
	},
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	for at, extra := range extras {
		mux.HandleFunc("POST "+at, func(w http.ResponseWriter, r *http.Request) { s.token(w, r, extra) })
	}
	mux.HandleFunc("POST /bench/grants", s.grant)
	mux.HandleFunc("GET /medplum/auth/me", func(w http.ResponseWriter, r *http.Request) {
		if s.resource(r) != http.StatusOK {
			http.Error(w, "{}", http.StatusUnauthorized)
			return
		}
		write(w, http.StatusOK, answer{
			"project": answer{"resourceType": "Project", "id": "1"},
			"profile": answer{"resourceType": "Practitioner", "id": "u1"},
		})
	})
	mux.HandleFunc("GET /resource", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(s.resource(r)) })
	mux.Handle("/demo/", s.auth)
	mux.HandleFunc("PUT /bench/ahead", func(w http.ResponseWriter, r *http.Request) {
		var ms int64
		json.NewDecoder(r.Body).Decode(&ms)
		s.ahead.Store(ms)
	})
	mux.HandleFunc("GET /page/{file}", func(w http.ResponseWriter, r *http.Request) {
		headers(w, r)
		http.ServeFileFS(w, r, embedded, "page/"+r.PathValue("file"))
	})
	mux.HandleFunc("GET /built/", s.bundle)
	return mux
}

// headers isolates pages, for the sake of a clock of 5 µs:
// https://www.w3.org/TR/hr-time-3/#dfn-coarsen-time
func headers(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Cache-Control", "max-age=3600")
	switch path.Ext(r.URL.Path) {
	case ".js":
		h.Set("Content-Type", "text/javascript; charset=utf-8")
	case ".wasm":
		h.Set("Content-Type", "application/wasm")
	}
}

// bundle serves what brotli has made of a bundle.
func (s *server) bundle(w http.ResponseWriter, r *http.Request) {
	headers(w, r)
	w.Header().Set("Content-Encoding", "br")
	http.ServeFile(w, r, filepath.Join(s.built, filepath.FromSlash(strings.TrimPrefix(path.Clean(r.URL.Path), "/built")))+".br")
}

// token passes a refresh on to the token endpoint, whether it is a form or JSON,
// and makes the access token a JWT, as some peers look into it.
func (s *server) token(w http.ResponseWriter, r *http.Request, extra func(*server, *http.Request, answer)) {
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {authserver.ClientID}}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var body struct {
			RefreshToken string `json:"refresh_token"`
		}
		json.NewDecoder(r.Body).Decode(&body)
		form.Set("refresh_token", body.RefreshToken)
	} else {
		form.Set("refresh_token", r.PostFormValue("refresh_token"))
	}
	ask, err := http.NewRequestWithContext(r.Context(), "POST", "/token", strings.NewReader(form.Encode()))
	if err != nil {
		panic(err) // the method is valid
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body := s.ask(ask)
	var a answer
	json.Unmarshal(body, &a)
	if status == http.StatusOK {
		a["access_token"] = s.jwt(r, a["access_token"], time.Hour)
	}
	extra(s, r, a)
	write(w, status, a)
}

// grant opens a session, with what any peer may want to find in the answer.
// Its access token is stale if expires_in is 0.
func (s *server) grant(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var asked struct {
		ExpiresIn float64 `json:"expires_in"`
	}
	json.Unmarshal(body, &asked)
	ask, err := http.NewRequestWithContext(r.Context(), "POST", "/demo/grants", bytes.NewReader(body))
	if err != nil {
		panic(err) // the method is valid
	}
	_, body = s.ask(ask)
	var a answer
	json.Unmarshal(body, &a)
	a["access_token"] = s.jwt(r, a["access_token"], time.Duration(asked.ExpiresIn)*time.Second)
	write(w, http.StatusOK, a)
}

func (s *server) ask(r *http.Request) (status int, body []byte) {
	w := httptest.NewRecorder()
	s.auth.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// resource asks the protected resource with the token that is in the JWT.
func (s *server) resource(r *http.Request) int {
	ask := httptest.NewRequest("GET", "/resource", nil)
	var claims struct {
		ID string `json:"jti"`
	}
	if parts := strings.Split(r.Header.Get("Authorization"), "."); len(parts) == 3 {
		text, _ := base64.RawURLEncoding.DecodeString(parts[1])
		json.Unmarshal(text, &claims)
	}
	ask.Header.Set("Authorization", "Bearer "+claims.ID)
	status, _ := s.ask(ask)
	return status
}

// jwt returns a token that nobody signed: no peer checks that.
func (s *server) jwt(r *http.Request, id any, lifetime time.Duration) string {
	now := time.Now().Add(time.Duration(s.ahead.Load()) * time.Millisecond)
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return text(answer{"alg": "RS256", "typ": "JWT"}) + "." + text(answer{
		"jti": id, "iss": "http://" + r.Host + "/auth0/", "aud": authserver.ClientID, "client_id": authserver.ClientID,
		"sub": "u1", "login_id": "l1", "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}) + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 256))
}

func write(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(maps.Clone(a))
}
