package endpoint_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// once is a body that can be read only once.
type once struct{ io.Reader }

func TestClient(t *testing.T) {
	for _, c := range []struct {
		name      string
		body      io.Reader
		challenge string
		forever   bool // it refuses every token
		status    int
		requests  int
		refreshed bool
	}{
		{"no body", nil, `Bearer error="invalid_token"`, false, 200, 2, true},
		{"a body that can be replayed", strings.NewReader("body"), `Bearer error="invalid_token"`, false, 200, 2, true},
		{"a body that can be read only once", once{strings.NewReader("body")}, `Bearer error="invalid_token"`, false, 401, 1, false},
		{"no reason", nil, `Bearer realm="a"`, false, 200, 2, true},
		{"no header", nil, "", false, 200, 2, true},
		{"another reason", nil, `Bearer error="insufficient_scope"`, false, 401, 1, false},
		{"whatever the token", nil, `Bearer error="invalid_token"`, true, 401, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, config := start(t, authserver.Settings{})
			session, grant := open(t, server, config, time.Hour)
			var first string
			requests := 0
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				body, _ := io.ReadAll(r.Body)
				if want := map[bool]string{true: "body"}[c.body != nil]; string(body) != want {
					t.Errorf("request %d has the body %q", requests, body)
				}
				token := r.Header.Get("Authorization")
				if !strings.HasPrefix(token, "Bearer ") || token == first {
					t.Errorf("request %d: the same token, or none", requests)
				}
				if requests == 1 || c.forever {
					first = token
					if c.challenge != "" {
						w.Header().Set("WWW-Authenticate", c.challenge)
					}
					w.WriteHeader(http.StatusUnauthorized)
				}
			}))
			defer api.Close()
			response, err := endpoint.Client(session, nil).Post(api.URL, "text/plain", c.body)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != c.status || requests != c.requests {
				t.Errorf("status %d after %d requests, want %d after %d", response.StatusCode, requests, c.status, c.requests)
			}
			if l, _ := server.Ledger(grant); c.refreshed != (len(l.Presentations) == 1) {
				t.Errorf("%d presentations", len(l.Presentations))
			}
		})
	}
}

func TestClientWithoutATokenSendsNothing(t *testing.T) {
	server, config := start(t, authserver.Settings{})
	session, _ := open(t, server, config, time.Hour)
	if err := session.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request") }))
	defer api.Close()
	if _, err := endpoint.Client(session, nil).Get(api.URL); !errors.Is(err, onerefresh.ErrSignedOut) {
		t.Errorf("error %v", err)
	}
}

func TestClientLeavesAnAuthorizationAlone(t *testing.T) {
	server, config := start(t, authserver.Settings{})
	session, _ := open(t, server, config, time.Hour)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Basic abc" {
			t.Error("another Authorization was sent")
		}
	}))
	defer api.Close()
	request, _ := http.NewRequest("GET", api.URL, nil)
	request.Header.Set("Authorization", "Basic abc")
	if _, err := endpoint.Client(session, nil).Do(request); err != nil {
		t.Error(err)
	}
}

// x/oauth2's own transport sends the token wherever a redirect leads.
func TestTokenDoesNotFollowARedirectToAnotherHost(t *testing.T) {
	server, config := start(t, authserver.Settings{})
	session, _ := open(t, server, config, time.Hour)
	var got []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		if r.URL.Path == "/again" {
			http.Redirect(w, r, "/end", http.StatusFound)
		}
	}))
	defer other.Close()
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	var same string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			http.Redirect(w, r, "/same", http.StatusFound)
		case "/same":
			same = r.Header.Get("Authorization")
			http.Redirect(w, r, elsewhere+"/again", http.StatusFound)
		}
	}))
	defer api.Close()
	response, err := endpoint.Client(session, nil).Get(api.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if same == "" {
		t.Error("a redirect to the same host lost the token")
	}
	if len(got) != 2 || got[0] != "" || got[1] != "" {
		t.Errorf("the other host got %d requests, with tokens: %v", len(got), len(strings.Join(got, "")) > 0)
	}
}
