// Package authserver is a small OAuth 2.0 authorization server for a
// demonstration and for tests: authorization code with PKCE for one public
// client, refresh tokens that rotate, detection of their reuse, and a protected
// resource. It fails on demand, and keeps a ledger of every refresh token that
// was presented to it.
//
// Everything is kept in memory for as long as the [Server] lives, and whoever
// can reach it can sign in as anybody. It is no server to keep a secret.
package authserver

import (
	"net/http"
	"sync"
	"time"
)

// ClientID is the one client: a public one, without a secret.
const ClientID = "demo"

// A Server answers at these paths:
//
//	GET  /authorize                  the login page, RFC 6749 section 4.1.1
//	POST /authorize                  its form
//	POST /device_authorization       RFC 8628 section 3.1
//	GET  /device                     the page that asks for the user code
//	POST /device                     its form
//	POST /token                      RFC 6749 sections 4.1.3 and 6, RFC 8628 section 3.4
//	POST /revoke                     RFC 7009
//	GET  /resource                   the protected resource, RFC 6750
//	GET  /demo/settings              [Settings]
//	PUT  /demo/settings              changes the members that are given
//	POST /demo/grants                [Server.OpenGrant]
//	POST /demo/grants/{grant}/expire [Server.Expire]
//	GET  /demo/ledger                [Totals], or with ?grant= a [Ledger]
//
// Its methods are safe for concurrent use.
type Server struct {
	handler http.Handler
	done    chan struct{} // closed by Close
	close   func()

	mu       sync.Mutex // guards what follows
	settings Settings
	unknown  int // refresh tokens that never existed
	codes    map[digest]*code
	devices  map[digest]*device
	grants   map[string]*grant
	refresh  map[digest]*refreshToken
	access   map[digest]*accessToken
}

// New returns a server with these settings.
func New(settings Settings) *Server {
	s := &Server{
		done:     make(chan struct{}),
		settings: settings,
		codes:    make(map[digest]*code),
		devices:  make(map[digest]*device),
		grants:   make(map[string]*grant),
		refresh:  make(map[digest]*refreshToken),
		access:   make(map[digest]*accessToken),
	}
	s.close = sync.OnceFunc(func() { close(s.done) })
	s.handler = s.routes()
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close ends all waiting, so that no request is left hanging. The server
// answers without latency from then on.
func (s *Server) Close() { s.close() }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", s.serveLogin)
	mux.HandleFunc("POST /authorize", s.serveAuthorize)
	mux.HandleFunc("GET /authorize.css", serveLoginStyle)
	mux.HandleFunc("POST /device_authorization", s.serveDeviceAuthorization)
	mux.HandleFunc("GET /device", serveDevice)
	mux.HandleFunc("POST /device", s.serveDeviceLogin)

	for path, method := range map[string]string{"/token": "POST", "/revoke": "POST", "/resource": "GET"} {
		mux.HandleFunc("OPTIONS "+path, servePreflight(method))
	}
	mux.Handle("POST /token", crossOrigin(s.serveToken))
	mux.Handle("POST /revoke", crossOrigin(s.serveRevoke))
	mux.Handle("GET /resource", crossOrigin(s.serveResource))

	demo := http.NewServeMux()
	demo.HandleFunc("GET /demo/settings", s.serveSettings)
	demo.HandleFunc("PUT /demo/settings", s.serveChangeSettings)
	demo.HandleFunc("POST /demo/grants", s.serveOpenGrant)
	demo.HandleFunc("POST /demo/grants/{grant}/expire", s.serveExpire)
	demo.HandleFunc("GET /demo/ledger", s.serveLedger)
	mux.Handle("/demo/", http.NewCrossOriginProtection().Handler(demo))
	return mux
}

// wait returns after d. It does not end with the request: a real server goes
// on to rotate when the client has gone.
func (s *Server) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.done:
	}
}

// The endpoints that a page of another origin uses. No cookie is ever looked
// at, so that any origin will do.
func crossOrigin(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "Date, Retry-After, WWW-Authenticate")
		serve(w, r)
	})
}

func servePreflight(method string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Methods", method)
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	}
}
