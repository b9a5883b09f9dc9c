//go:build !(js && wasm)

package npm_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

// A moment is when a token is looked at, in ms.
type moment struct{ Received, Expires, Margin, Now int64 }

// The loader hands out a stored token if, and only if, Go would.
func TestLoaderAgreesWithGo(t *testing.T) {
	const received = 1_700_000_000_000
	var moments []moment
	for _, lifetime := range []int64{0, 1, 3, 4, 1000, 60_000, 119_999, 120_000, 120_001, 3_600_000} {
		for _, margin := range []int64{0, 1, 30_000, 1_000_000_000} {
			early := min(margin, lifetime/4)
			for _, after := range []int64{-3_600_000, -2001, -2000, -1999, -1, 0, 1, lifetime - early - 1, lifetime - early, lifetime - early + 1, lifetime - 1, lifetime, lifetime + 1} {
				moments = append(moments, moment{received, received + lifetime, margin, received + after})
			}
		}
	}

	const program = `
		import { live } from "./src/record.js";
		let text = "";
		for await (const chunk of process.stdin) text += chunk;
		console.log(JSON.stringify(JSON.parse(text).map(({Received, Expires, Margin, Now}) =>
			live({access_token: "a", received_at: Received, expires_at: Expires}, Margin, Now))));`
	input, err := json.Marshal(moments)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node(t), "--input-type=module", "-e", program)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		in.Write(input)
		in.Close()
	}()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var says []bool
	if err := json.Unmarshal(out, &says); err != nil {
		t.Fatal(err)
	}

	live := 0
	for i, m := range moments {
		want := liveInGo(t, m)
		if says[i] != want {
			t.Errorf("%+v: the loader says %v, Go %v", m, says[i], want)
		}
		if want {
			live++
		}
	}
	if live == 0 || live == len(moments) {
		t.Errorf("%d of %d are live: the cases do not tell", live, len(moments))
	}
}

// liveInGo reports whether a Session returns the token without asking for
// another.
func liveInGo(t *testing.T, m moment) bool {
	store := stores.Memory()
	err := store.CompareAndSwap(t.Context(), onerefresh.Record{}, onerefresh.Record{Generation: 1, Epoch: 1, Token: onerefresh.Token{
		AccessToken: "a", RefreshToken: "r", Received: time.UnixMilli(m.Received), Expiry: time.UnixMilli(m.Expires),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var asked refresher
	margin := time.Duration(m.Margin) * time.Millisecond
	if margin == 0 {
		margin = -1
	}
	s, err := onerefresh.Open(onerefresh.Options{
		Name: "s", Store: store, Locker: locks.Process(), Refresher: &asked, Clock: clock(m.Now), ExpiryMargin: margin,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Token(t.Context())
	return !bool(asked)
}

type clock int64

func (c clock) Now() time.Time { return time.UnixMilli(int64(c)) }

type refresher bool

func (r *refresher) Refresh(context.Context, string) (onerefresh.Response, error) {
	*r = true
	return onerefresh.Response{}, &onerefresh.RefreshError{Status: 503}
}

func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing: install it (Debian: apt-get install nodejs)")
	}
	return path
}
