package group_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/group"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// table is where a program keeps its signed-in users: a database, usually.
type table struct {
	mu   sync.Mutex
	rows map[string]onerefresh.Token // by the value of the cookie; guarded by mu
}

func newTable() *table { return &table{rows: make(map[string]onerefresh.Token)} }

// signIn is what a program does when the authorization server has sent the
// user back.
func (t *table) signIn(token onerefresh.Token) *http.Cookie {
	t.mu.Lock()
	defer t.mu.Unlock()
	cookie := &http.Cookie{Name: "__Host-session", Value: rand.Text(), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	t.rows[cookie.Value] = token
	return cookie
}

func (t *table) Find(r *http.Request) (group.Key, onerefresh.Token, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	cookie, err := r.Cookie("__Host-session")
	if err != nil {
		return group.Key{}, onerefresh.Token{}, false, nil
	}
	token, ok := t.rows[cookie.Value]
	return group.Key{Client: "demo", RefreshToken: token.RefreshToken}, token, ok, nil
}

func (t *table) End(r *http.Request, key group.Key) error {
	return t.update(key, func(id string) { delete(t.rows, id) })
}

// Save updates the row that still has the key's refresh token, if there is one:
// UPDATE … SET … WHERE refresh_token = ?
func (t *table) Save(_ context.Context, key group.Key, token onerefresh.Token) error {
	return t.update(key, func(id string) { t.rows[id] = token })
}

func (t *table) update(key group.Key, change func(id string)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, token := range t.rows {
		if token.RefreshToken == key.RefreshToken {
			change(id)
		}
	}
	return nil
}

// A server that keeps tokens to itself: the browser has a cookie, which names a
// session. Twenty requests come at once when the access token is stale.
func Example_server() {
	auth := authserver.New(authserver.Settings{LatencyBefore: 50 * time.Millisecond})
	authorization := httptest.NewServer(auth)
	defer authorization.Close()

	config := &oauth2.Config{ClientID: "demo", Endpoint: oauth2.Endpoint{
		TokenURL: authorization.URL + "/token", AuthStyle: oauth2.AuthStyleInParams,
	}}
	refresher := endpoint.Refresher(config, nil)
	sessions := newTable()
	refreshes, err := group.New(group.Options{
		Refresh: func(ctx context.Context, key group.Key) (onerefresh.Response, error) {
			return refresher.Refresh(ctx, key.RefreshToken)
		},
		Save: sessions.Save,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	app := httptest.NewServer(group.Middleware(refreshes, sessions, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := group.TokenFrom(r.Context())
		request, _ := http.NewRequestWithContext(r.Context(), "GET", authorization.URL+"/resource", nil)
		request.Header.Set("Authorization", "Bearer "+token.AccessToken)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		w.WriteHeader(response.StatusCode)
		io.Copy(w, response.Body)
	})))
	defer app.Close()

	granted := auth.OpenGrant("alice", 0) // stale from the start
	cookie := sessions.signIn(onerefresh.Token{AccessToken: granted.AccessToken, RefreshToken: granted.RefreshToken})
	statuses := make(chan int)
	for range 20 {
		go func() {
			request, _ := http.NewRequest("GET", app.URL, nil)
			request.AddCookie(cookie)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				statuses <- 0
				return
			}
			response.Body.Close()
			statuses <- response.StatusCode
		}()
	}
	count := make(map[int]int)
	for range 20 {
		count[<-statuses]++
	}
	ledger, _ := auth.Ledger(granted.Grant)
	fmt.Println(count[http.StatusOK], "requests are answered,", len(ledger.Presentations), "exchange")
	// Output:
	// 20 requests are answered, 1 exchange
}

// What several calls of an SDK do that each refresh by themselves.
func ExampleGroup_Refresh() {
	g, err := group.New(group.Options{
		Refresh: func(ctx context.Context, key group.Key) (onerefresh.Response, error) {
			return onerefresh.Response{}, &onerefresh.RefreshError{Status: 503, RetryAfter: time.Minute}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = g.Refresh(context.Background(), group.Key{Client: "web", RefreshToken: "r", Organization: "org"}, "")
	fmt.Println(errors.Is(err, onerefresh.ErrTemporarilyUnavailable), err)
	// Output:
	// true onerefresh: temporarily_unavailable: token endpoint: status 503
}
