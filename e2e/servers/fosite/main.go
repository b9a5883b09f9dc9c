// Fosite is an authorization server put together from github.com/ory/fosite, the
// engine of Ory Hydra and Authelia. It keeps a record of what is asked of its
// storage, which a test reads. It ends with its standard input.
//
//	fosite ISSUER REDIRECT_URI
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/rs/cors"
)

func main() {
	log.SetFlags(0)
	issuer, redirectURI := os.Args[1], os.Args[2]
	back, err := url.Parse(redirectURI)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s := newServer(issuer, redirectURI)
	mux := http.NewServeMux()
	// As Ory Hydra does it.
	browsers := cors.New(cors.Options{
		AllowedOrigins: []string{back.Scheme + "://" + back.Host},
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"Authorization"},
		ExposedHeaders: []string{"WWW-Authenticate"},
	})
	for path, handle := range map[string]http.HandlerFunc{
		"/.well-known/openid-configuration": s.metadata,
		"/oauth2/token":                     s.token,
		"/oauth2/revoke":                    s.revoke,
		"/userinfo":                         s.userinfo,
	} {
		mux.Handle(path, browsers.Handler(handle))
	}
	mux.HandleFunc("/oauth2/auth", s.authorize)
	mux.HandleFunc("GET /test/records", s.store.list)
	mux.HandleFunc("POST /test/expire", s.store.expire)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}

type server struct {
	fosite.OAuth2Provider
	issuer string
	store  *store
}

func newServer(issuer, redirectURI string) *server {
	store := newStore(&fosite.DefaultClient{
		ID:            "spa",
		Public:        true,
		RedirectURIs:  []string{redirectURI},
		ResponseTypes: []string{"code"},
		GrantTypes:    []string{"authorization_code", "refresh_token"},
		Scopes:        []string{"openid", "offline_access"},
	})
	config := &fosite.Config{
		GlobalSecret:                []byte("a secret of thirty-two characters"),
		EnforcePKCEForPublicClients: true,
		AccessTokenLifespan:         time.Hour,
	}
	provider := compose.Compose(config, store, compose.CommonStrategy{CoreStrategy: compose.NewOAuth2HMACStrategy(config)},
		compose.OAuth2AuthorizeExplicitFactory,
		compose.OAuth2PKCEFactory,
		compose.OAuth2RefreshTokenGrantFactory,
		compose.OAuth2TokenRevocationFactory,
		compose.OAuth2TokenIntrospectionFactory,
	)
	return &server{provider, issuer, store}
}

func (s *server) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{
		"issuer":                 s.issuer,
		"authorization_endpoint": s.issuer + "/oauth2/auth",
		"token_endpoint":         s.issuer + "/oauth2/token",
		"revocation_endpoint":    s.issuer + "/oauth2/revoke",
		"userinfo_endpoint":      s.issuer + "/userinfo",
	})
}

const login = `<!doctype html><title>Sign in</title>
<form method=post><input type=hidden name=prompt value=login><input name=login><input type=password name=password><button>Sign in</button></form>`

func (s *server) authorize(w http.ResponseWriter, r *http.Request) {
	request, err := s.NewAuthorizeRequest(r.Context(), r)
	if err != nil {
		s.WriteAuthorizeError(r.Context(), w, request, err)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, login)
		return
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	response, err := s.NewAuthorizeResponse(r.Context(), request, &fosite.DefaultSession{Subject: r.PostFormValue("login")})
	if err != nil {
		s.WriteAuthorizeError(r.Context(), w, request, err)
		return
	}
	s.WriteAuthorizeResponse(r.Context(), w, request, response)
}

func (s *server) token(w http.ResponseWriter, r *http.Request) {
	request, err := s.NewAccessRequest(r.Context(), r, new(fosite.DefaultSession))
	if err == nil {
		var response fosite.AccessResponder
		if response, err = s.NewAccessResponse(r.Context(), request); err == nil {
			s.WriteAccessResponse(r.Context(), w, request, response)
			return
		}
	}
	s.store.record(record{Event: "WriteAccessError", Error: fosite.ErrorToRFC6749Error(err).GetDescription()})
	s.WriteAccessError(r.Context(), w, request, err)
}

func (s *server) revoke(w http.ResponseWriter, r *http.Request) {
	s.WriteRevocationResponse(r.Context(), w, s.NewRevocationRequest(r.Context(), r))
}

// userinfo is what needs an access token.
func (s *server) userinfo(w http.ResponseWriter, r *http.Request) {
	_, request, err := s.IntrospectToken(r.Context(), fosite.AccessTokenFromRequest(r), fosite.AccessToken, new(fosite.DefaultSession))
	if err != nil {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"sub": request.GetSession().GetSubject()})
}
