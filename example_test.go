package onerefresh_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

// refresher stands for a request to the token endpoint.
type refresher func(refreshToken string) (onerefresh.Response, error)

func (f refresher) Refresh(_ context.Context, refreshToken string) (onerefresh.Response, error) {
	return f(refreshToken)
}

func Example() {
	exchanges := 0
	refresher := refresher(func(refreshToken string) (onerefresh.Response, error) {
		exchanges++
		return onerefresh.Response{AccessToken: "second", RefreshToken: "rotated", ExpiresIn: time.Hour}, nil
	})
	session, err := onerefresh.Open(onerefresh.Options{
		Name:      "alice",
		Store:     stores.Memory(),
		Locker:    locks.Process(),
		Refresher: refresher, // presents the refresh token to your token endpoint
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()

	ctx := context.Background()
	// What the authorization server answered when the user signed in. This
	// access token is stale already.
	session.SignIn(ctx, onerefresh.Response{AccessToken: "first", RefreshToken: "single-use"})

	tokens := make(chan string)
	for range 3 {
		go func() {
			token, err := session.Token(ctx)
			if err != nil {
				fmt.Println(err)
			}
			tokens <- token.AccessToken
		}()
	}
	fmt.Println(<-tokens, <-tokens, <-tokens)
	fmt.Println(exchanges, "exchange")
	// Output:
	// second second second
	// 1 exchange
}

// A resource server has refused an access token. If somebody else has already
// refreshed, there is no exchange.
func ExampleSession_Refresh() {
	session, err := onerefresh.Open(onerefresh.Options{
		Name:   "alice",
		Store:  stores.Memory(),
		Locker: locks.Process(),
		Refresher: refresher(func(string) (onerefresh.Response, error) {
			return onerefresh.Response{}, &onerefresh.RefreshError{Status: 400, Code: "invalid_grant"}
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()

	ctx := context.Background()
	session.SignIn(ctx, onerefresh.Response{AccessToken: "current", RefreshToken: "r", ExpiresIn: time.Hour})

	token, _ := session.Refresh(ctx, "an older one")
	fmt.Println(token.AccessToken)

	_, err = session.Refresh(ctx, "current")
	fmt.Println(errors.Is(err, onerefresh.ErrSessionEnded), err)
	// Output:
	// current
	// true onerefresh: session_ended: invalid_grant
}
