// Package bff is the demonstration's backend for frontend: the browser has a
// cookie, and the tokens are kept and refreshed here, by package group.
// See https://datatracker.ietf.org/doc/html/draft-ietf-oauth-browser-based-apps#section-6.1.
package bff

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/group"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// Handler answers below /bff/ for sessions by name, of which a browser may have
// several at a time:
//
//	GET  /bff/{session}/sign-in   leads to the login page
//	GET  /bff/{session}/callback  and back, to /
//	POST /bff/{session}/grants    signs in to a new grant whose access token is stale
//	GET  /bff/{session}/grant     the name of the grant that is signed in to, or 204
//	GET  /bff/{session}/resource  the protected resource
//	POST /bff/{session}/sign-out
//
// The authorization server is reached by HTTP, at the address at which a request
// came in. No answer has a token in it.
func Handler() http.Handler {
	b := &backend{sessions: newSessions(), pending: pending{logins: make(map[string]login)}}
	refreshes, err := group.New(group.Options{Refresh: refresh, Save: b.save})
	if err != nil {
		panic(err) // the options are as good as ever
	}
	b.refreshes = refreshes

	mux := http.NewServeMux()
	mux.HandleFunc("GET /bff/{session}/sign-in", b.serveSignIn)
	mux.HandleFunc("GET /bff/{session}/callback", b.serveCallback)
	mux.HandleFunc("POST /bff/{session}/grants", b.serveOpenGrant)
	mux.HandleFunc("GET /bff/{session}/grant", b.serveGrant)
	mux.Handle("GET /bff/{session}/resource", group.Middleware(refreshes, b.sessions, http.HandlerFunc(b.serveResource)))
	mux.HandleFunc("POST /bff/{session}/sign-out", b.serveSignOut)
	protected := http.NewCrossOriginProtection().Handler(mux) // a cookie is sent whoever asks for it
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		protected.ServeHTTP(w, r)
	})
}

type backend struct {
	sessions  *sessions
	refreshes *group.Group
	pending
}

// server returns the address of the authorization server.
func server(r *http.Request) string {
	return "http://" + r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()
}

func config(server string) *oauth2.Config {
	return &oauth2.Config{ClientID: authserver.ClientID, Endpoint: oauth2.Endpoint{
		AuthURL: "/authorize", TokenURL: server + "/token", AuthStyle: oauth2.AuthStyleInParams,
	}}
}

func refresh(ctx context.Context, key group.Key) (onerefresh.Response, error) {
	return endpoint.Refresher(config(key.Client), nil).Refresh(ctx, key.RefreshToken)
}

func (b *backend) save(ctx context.Context, key group.Key, token onerefresh.Token) error {
	if !b.sessions.update(key, token) {
		// The user signed out in the meantime, and the answer is nobody's.
		return revoke(ctx, key.Client, token.RefreshToken)
	}
	return nil
}

func revoke(ctx context.Context, server, refreshToken string) error {
	return endpoint.Revoker(server+"/revoke", config(server), nil).Revoke(ctx, refreshToken)
}

// serveOpenGrant is for storms: nobody has to sign in by hand fifty times.
func (b *backend) serveOpenGrant(w http.ResponseWriter, r *http.Request) {
	response, err := http.Post(server(r)+"/demo/grants", "application/json", nil)
	if err != nil {
		badGateway(w, err)
		return
	}
	defer response.Body.Close()
	var granted authserver.TokenResponse
	if err := json.NewDecoder(response.Body).Decode(&granted); err != nil {
		badGateway(w, err)
		return
	}
	now := time.Now()
	b.sessions.begin(w, r, session{granted.Grant, onerefresh.Token{
		AccessToken: granted.AccessToken, RefreshToken: granted.RefreshToken, Received: now, Expiry: now,
	}})
	writeGrant(w, granted.Grant)
}

func (b *backend) serveGrant(w http.ResponseWriter, r *http.Request) {
	s, ok := b.sessions.of(r)
	if !ok {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeGrant(w, s.grant)
}

func writeGrant(w http.ResponseWriter, grant string) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"grant": grant})
}

func (b *backend) serveResource(w http.ResponseWriter, r *http.Request) {
	token, _ := group.TokenFrom(r.Context())
	response, err := ask(r, token)
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		response.Body.Close()
		if token, err = group.Rejected(r.Context()); err == nil {
			response, err = ask(r, token)
		}
	}
	if errors.Is(err, onerefresh.ErrSessionEnded) {
		b.sessions.end(r)
		http.Error(w, "signed out", http.StatusUnauthorized)
		return
	}
	if err != nil {
		badGateway(w, err)
		return
	}
	defer response.Body.Close()
	w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	w.WriteHeader(response.StatusCode)
	io.Copy(w, response.Body)
}

// ask passes a request on to the resource server.
func ask(r *http.Request, token onerefresh.Token) (*http.Response, error) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, server(r)+"/resource", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	return http.DefaultClient.Do(request)
}

// serveSignOut ends the session whatever the authorization server says.
func (b *backend) serveSignOut(w http.ResponseWriter, r *http.Request) {
	if s, ok := b.sessions.end(r); ok {
		revoke(r.Context(), server(r), s.token.RefreshToken)
	}
	setCookie(w, r, cookieName, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

func badGateway(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusBadGateway)
}
