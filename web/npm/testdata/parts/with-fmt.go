// What is left out: the same with package fmt.
package main

import (
	"context"
	"fmt"

	"github.com/onerefresh/onerefresh"
)

type page struct {
	onerefresh.Store
	onerefresh.Locker
	onerefresh.Refresher
	onerefresh.Revoker
}

func main() {
	var p page
	s, err := onerefresh.Open(onerefresh.Options{Store: p, Locker: p, Refresher: p, Revoker: p})
	if err != nil {
		fmt.Println(err)
	}
	s.SignIn(context.Background(), onerefresh.Response{})
	s.Token(context.Background())
	s.Refresh(context.Background(), "")
	s.SignOut(context.Background())
	s.Close()
}
