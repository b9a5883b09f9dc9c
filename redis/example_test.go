//go:build !(js && wasm)

package redis_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"os"

	"github.com/redis/rueidis"
	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/internal/redisserver"
	"github.com/onerefresh/onerefresh/redis"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// Two servers, each with a client of its own, are asked for the token of the same
// user.
func Example() {
	dir, err := os.MkdirTemp("", "redis")
	check(err)
	defer os.RemoveAll(dir)
	server, err := redisserver.Start(dir, redisserver.Nothing) // for the example
	check(err)
	defer server.Kill()
	auth := authserver.New(authserver.Settings{})
	defer auth.Close()
	web := httptest.NewServer(auth)
	defer web.Close()
	config := &oauth2.Config{ClientID: authserver.ClientID, Endpoint: oauth2.Endpoint{TokenURL: web.URL + "/token"}}

	sealing, err := hex.DecodeString("6f6e65726566726573686f6e65726566726573686f6e65726566726573686f6e") // from your secrets
	check(err)
	session := func() *onerefresh.Session {
		client, err := redis.Open(redis.Options{
			Redis: rueidis.ClientOption{InitAddress: []string{server.Addr}},
			Keys:  [][]byte{sealing},
		})
		check(err)
		session, err := onerefresh.Open(onerefresh.Options{
			Name:      "ada",
			Store:     client.Store("ada"),
			Locker:    client.Locker(),
			Refresher: endpoint.Refresher(config, nil),
		})
		check(err)
		return session
	}
	one, other := session(), session()

	ctx := context.Background()
	granted := auth.OpenGrant("ada", 0) // its access token is stale
	check(one.SignIn(ctx, onerefresh.Response{AccessToken: granted.AccessToken, RefreshToken: granted.RefreshToken}))
	tokens := make(chan onerefresh.Token)
	for _, s := range []*onerefresh.Session{one, other} {
		go func() {
			token, err := s.Token(ctx)
			check(err)
			tokens <- token
		}()
	}
	first, second := <-tokens, <-tokens
	fmt.Println("the same token:", first.AccessToken == second.AccessToken)
	fmt.Println("refreshes:", auth.Totals().Presentations)
	// Output:
	// the same token: true
	// refreshes: 1
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
