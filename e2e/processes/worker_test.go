//go:build !(js && wasm)

package processes_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// What a worker is told, in its environment.
const (
	envMode  = "ONEREFRESH_TEST_MODE"
	envFile  = "ONEREFRESH_TEST_FILE"
	envToken = "ONEREFRESH_TEST_TOKEN_ENDPOINT"
	envName  = "ONEREFRESH_TEST_WORKER"
)

// The modes of a worker. The controls have to lose.
const (
	coordinated = "coordinated"
	unlocked    = "unlocked"    // control: a lock of its own for each process
	readThenAct = "readthenact" // control: read the file, refresh, write the file
)

// header names the worker in its requests.
const header = "Test-Worker"

func TestMain(m *testing.M) {
	if mode := os.Getenv(envMode); mode != "" {
		if err := work(mode); err != nil {
			fmt.Println(err) // for the parent
			os.Exit(3)
		}
		return
	}
	os.Exit(m.Run())
}

type named struct{}

func (named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(header, os.Getenv(envName))
	return http.DefaultTransport.RoundTrip(r)
}

// work asks for a token whenever the one that it has is stale, as all others
// do, until it is killed. It returns what must not happen.
func work(mode string) error {
	store, err := stores.File(os.Getenv(envFile))
	if err != nil {
		return err
	}
	refresher := endpoint.Refresher(&oauth2.Config{ClientID: authserver.ClientID, Endpoint: oauth2.Endpoint{
		TokenURL: os.Getenv(envToken), AuthStyle: oauth2.AuthStyleInParams,
	}}, &http.Client{Transport: named{}})
	if mode == readThenAct {
		return workByReading(store, refresher)
	}
	var locker onerefresh.Locker = locks.Process()
	if mode == coordinated {
		if locker, err = locks.File(filepath.Dir(os.Getenv(envFile))); err != nil {
			return err
		}
	}
	session, err := onerefresh.Open(onerefresh.Options{Name: "alice", Store: store, Locker: locker, Refresher: refresher})
	if err != nil {
		return err
	}
	for {
		token, err := session.Token(context.Background())
		switch {
		case errors.Is(err, onerefresh.ErrSessionEnded):
			time.Sleep(10 * time.Millisecond) // until the parent signs in again
			continue
		case err != nil:
			return err
		}
		time.Sleep(max(time.Until(stale(token)), time.Millisecond))
	}
}

// stale is when the session counts a short-lived token as stale.
func stale(t onerefresh.Token) time.Time { return t.Expiry.Add(-t.Expiry.Sub(t.Received) / 4) }

func workByReading(store onerefresh.Store, refresher onerefresh.Refresher) error {
	ctx := context.Background()
	for {
		rec, err := store.Load(ctx)
		if err != nil {
			return err
		}
		if rec.Token.AccessToken == "" {
			return nil // signed out
		}
		if wait := time.Until(stale(rec.Token)); wait > 0 {
			time.Sleep(wait)
			continue
		}
		next := onerefresh.Record{}
		if r, err := refresher.Refresh(ctx, rec.Token.RefreshToken); err == nil {
			now := time.Now()
			next.Token = onerefresh.Token{AccessToken: r.AccessToken, RefreshToken: r.RefreshToken, Received: now, Expiry: now.Add(r.ExpiresIn)}
		}
		for { // whatever is there
			rec, err := store.Load(ctx)
			if err != nil {
				return err
			}
			next.Generation = rec.Generation + 1
			if store.CompareAndSwap(ctx, rec, next) == nil {
				break
			}
		}
	}
}
