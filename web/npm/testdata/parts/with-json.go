// What is left out: the same with package encoding/json.
package main

import (
	"context"
	"encoding/json"

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
		panic(err)
	}
	s.SignIn(context.Background(), onerefresh.Response{})
	s.Token(context.Background())
	s.Refresh(context.Background(), "")
	s.SignOut(context.Background())
	s.Close()
	json.Unmarshal(nil, new(onerefresh.Response))
}
