package group_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/group"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

// The comparison of docs/bench-go.md: make bench-go.

const users = 100_000

func answer(context.Context, group.Key) (onerefresh.Response, error) {
	return onerefresh.Response{AccessToken: "access", RefreshToken: "refresh", ExpiresIn: time.Hour}, nil
}

type source struct{}

func (source) Token() (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: "access", RefreshToken: "refresh", Expiry: time.Now().Add(time.Hour)}, nil
}

func openSession(b *testing.B) *onerefresh.Session {
	session, err := onerefresh.Open(onerefresh.Options{
		Name: "alice", Store: stores.Memory(), Locker: locks.Process(), Refresher: refresher{},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := session.SignIn(b.Context(), onerefresh.Response{AccessToken: "access", RefreshToken: "refresh", ExpiresIn: time.Hour}); err != nil {
		b.Fatal(err)
	}
	return session
}

type refresher struct{}

func (refresher) Refresh(ctx context.Context, _ string) (onerefresh.Response, error) {
	return answer(ctx, group.Key{})
}

// A token that is valid, in parallel.
func BenchmarkValid(b *testing.B) {
	b.Run("of=session", func(b *testing.B) {
		session := openSession(b)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				session.Token(context.Background())
			}
		})
	})
	b.Run("of=ReuseTokenSource", func(b *testing.B) {
		reuse := oauth2.ReuseTokenSource(nil, source{})
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				reuse.Token()
			}
		})
	})
}

// A caller who comes with the spent refresh token, in parallel: a group
// answers, singleflight exchanges again.
func BenchmarkLate(b *testing.B) {
	g, keys := lateCallers()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			g.Refresh(context.Background(), keys[i%users], "")
		}
	})
}

// lateCallers returns a group that keeps the tokens of all keys.
var lateCallers = sync.OnceValues(func() (*group.Group, []group.Key) {
	g, err := group.New(group.Options{Refresh: answer, MostKept: users, Grace: time.Hour})
	if err != nil {
		panic(err)
	}
	keys := make([]group.Key, users)
	for i := range keys {
		keys[i] = group.Key{Client: "web", RefreshToken: strconv.Itoa(i), Organization: "org"}
		if _, err := g.Refresh(context.Background(), keys[i], ""); err != nil {
			panic(err)
		}
	}
	return g, keys
})

// An exchange that takes no time, by one caller: what all else costs.
func BenchmarkExchange(b *testing.B) {
	b.Run("of=group", func(b *testing.B) {
		g := newGroup(b, group.Options{Refresh: answer, Grace: -1})
		b.ReportAllocs()
		for b.Loop() {
			g.Refresh(context.Background(), alice, "")
		}
	})
	b.Run("of=singleflight", func(b *testing.B) {
		var g singleflight.Group
		b.ReportAllocs()
		for b.Loop() {
			g.Do(alice.Client+"\x00"+alice.RefreshToken+"\x00"+alice.Organization, func() (any, error) {
				return answer(context.Background(), alice)
			})
		}
	})
	b.Run("of=ReuseTokenSource", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			oauth2.ReuseTokenSource(nil, source{}).Token()
		}
	})
}

// BenchmarkMemory tells what 100,000 signed-in users hold, in bytes each.
func BenchmarkMemory(b *testing.B) {
	measure := func(name string, make func(i int) any) {
		b.Run("of="+name, func(b *testing.B) {
			for b.Loop() {
				all := [users]any{}
				before := heap()
				for i := range all {
					all[i] = make(i)
				}
				b.ReportMetric(float64(int64(heap()-before))/users, "B/user")
				runtime.KeepAlive(all)
			}
		})
	}
	measure("session", func(int) any { return openSession(b) })
	measure("ReuseTokenSource", func(int) any {
		s := oauth2.ReuseTokenSource(nil, source{})
		s.Token()
		return s
	})
	g := newGroup(b, group.Options{Refresh: answer, Grace: -1})
	measure("group", func(i int) any { // nothing is under way, nothing is kept
		g.Refresh(context.Background(), group.Key{RefreshToken: strconv.Itoa(i)}, "")
		return nil
	})
	keeping := newGroup(b, group.Options{Refresh: answer, MostKept: users, Grace: time.Hour})
	measure("group-kept", func(i int) any { // all have refreshed within Grace
		keeping.Refresh(context.Background(), group.Key{Client: "web", RefreshToken: strconv.Itoa(i), Organization: "org"}, "")
		return nil
	})
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
