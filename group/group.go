package group

import (
	"context"
	"sync"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

// A Key says which refresh callers share. Its fields are compared as they are.
type Key struct {
	Client       string // client_id, or what else names the registration
	RefreshToken string
	Organization string // or audience, or whatever else an access token is for
}

// String returns a text without token material.
func (Key) String() string { return "group.Key(redacted)" }

// GoString returns a text without token material.
func (k Key) GoString() string { return k.String() }

// Options configure a [Group].
type Options struct {
	// Refresh presents the refresh token of a key. Its errors are those of a
	// [onerefresh.Refresher]; ctx ends at ExchangeTimeout, never with a caller's.
	Refresh func(ctx context.Context, key Key) (onerefresh.Response, error)

	// Save, if set, is called once for each exchange that succeeded, before any
	// caller is answered, so that the new refresh token survives all of them. It
	// must not overwrite a later sign-in or sign-out: only a refresh token that is
	// still key's. If it fails it is called again, for as long as the token is
	// kept.
	Save func(ctx context.Context, key Key, token onerefresh.Token) error

	// Provider says what errors mean; see [onerefresh.Options].
	Provider onerefresh.Provider

	// ExchangeTimeout bounds an exchange. The default is 10 seconds.
	ExchangeTimeout time.Duration

	// Grace is for how long callers that still have the spent refresh token get
	// the token that it was spent for. The default is 30 seconds; a negative
	// Grace is none.
	Grace time.Duration

	// MostKept bounds the tokens that are kept for Grace; the oldest goes first.
	// The default is 10,000.
	MostKept int

	// Clock is the wall clock. The default is the system's.
	Clock onerefresh.Clock
}

// A Group runs one refresh at a time for each [Key]. Its methods are safe for
// concurrent use.
type Group struct {
	opts Options

	mu      sync.Mutex
	flights map[Key]*flight // under way; guarded by mu
	kept    kept            // guarded by mu
}

// A flight is one refresh that callers share.
type flight struct {
	// Written before done is closed, and read only after.
	token onerefresh.Token
	err   error
	done  chan struct{}
}

// New returns an empty group. The error is an [onerefresh.Error] with
// CodeInvalidOptions.
func New(opts Options) (*Group, error) {
	if opts.Refresh == nil {
		return nil, &onerefresh.Error{Code: onerefresh.CodeInvalidOptions, Message: "Refresh is missing"}
	}
	if opts.Grace == 0 {
		opts.Grace = 30 * time.Second
	}
	opts.Grace = max(0, opts.Grace)
	if opts.MostKept == 0 {
		opts.MostKept = 10_000
	}
	if opts.ExchangeTimeout == 0 {
		opts.ExchangeTimeout = 10 * time.Second
	}
	if opts.Clock == nil {
		opts.Clock = systemClock{}
	}
	g := &Group{opts: opts, flights: make(map[Key]*flight), kept: newKept(opts.MostKept)}
	session, err := onerefresh.Open(g.options(Key{}, stores.Memory())) // for what it says of the rest
	if err != nil {
		return nil, err
	}
	session.Close()
	return g, nil
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// Refresh returns the token that key's refresh token is good for. All callers
// with the same key that come while an exchange is under way share it, and its
// error. After an error the next call tries anew. After a success callers get
// the same token for Grace, as long as it is valid and is not rejected, an
// access token that a resource server has refused; an empty rejected stands for
// none.
//
// The end of ctx ends the wait of its caller, and nothing else. The error is an
// [onerefresh.Error].
func (g *Group) Refresh(ctx context.Context, key Key, rejected string) (onerefresh.Token, error) {
	if ctx.Err() != nil {
		return onerefresh.Token{}, aborted(ctx)
	}
	g.mu.Lock()
	f := g.flights[key]
	if f == nil {
		now := g.opts.Clock.Now()
		g.kept.expire(now)
		if token, ok := g.kept.get(key); ok && token.AccessToken != rejected && now.Before(token.Expiry) {
			g.mu.Unlock()
			return token, nil
		}
		f = &flight{done: make(chan struct{})}
		g.flights[key] = f
		go g.fly(key, f)
	}
	g.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return onerefresh.Token{}, aborted(ctx)
	}
}

func aborted(ctx context.Context) error {
	return &onerefresh.Error{Code: onerefresh.CodeAborted, Message: "the caller gave up", Cause: context.Cause(ctx)}
}

// fly runs f, and clears it however that ends.
func (g *Group) fly(key Key, f *flight) {
	f.err = &onerefresh.Error{Code: onerefresh.CodeInternal, Message: "Save ended the goroutine of the refresh"}
	defer func() {
		if recover() != nil {
			f.err = &onerefresh.Error{Code: onerefresh.CodeInternal, Message: "Save panicked"}
		}
		g.mu.Lock()
		delete(g.flights, key)
		if f.token.AccessToken != "" {
			g.keep(key, f.token)
		}
		g.mu.Unlock()
		close(f.done)
	}()
	token, err := g.exchange(key)
	if err == nil {
		f.token = token // whatever becomes of Save, it is the only good one
		g.save(key, token)
	}
	f.err = err
}

// exchange lets a session do it, which has nothing but the refresh token.
func (g *Group) exchange(key Key) (onerefresh.Token, error) {
	store := stores.Memory()
	session, err := onerefresh.Open(g.options(key, store))
	if err != nil {
		return onerefresh.Token{}, err
	}
	ctx := context.Background()
	now := g.opts.Clock.Now()
	if err := store.CompareAndSwap(ctx, onerefresh.Record{}, onerefresh.Record{
		Generation: 1, Epoch: 1, Token: onerefresh.Token{RefreshToken: key.RefreshToken, Received: now, Expiry: now},
	}); err != nil {
		return onerefresh.Token{}, err
	}
	token, err := session.Token(ctx)
	session.Close()
	if err != nil {
		g.awaitRescue(key, store)
	}
	return token, err
}

// awaitRescue keeps an answer that comes after its time all the same: the
// session writes it.
func (g *Group) awaitRescue(key Key, store *stores.MemoryStore) {
	var once sync.Once
	look := func() {
		if rec, err := store.Peek(); err == nil && rec.Token.AccessToken != "" {
			once.Do(func() {
				g.mu.Lock()
				g.keep(key, rec.Token)
				g.mu.Unlock()
				go g.save(key, rec.Token)
			})
		}
	}
	store.Watch(look)
	look() // for what was written before the watch began
}

func (g *Group) options(key Key, store onerefresh.Store) onerefresh.Options {
	return onerefresh.Options{
		Name: "group", Store: store, Locker: locks.Process(), Refresher: refresher{g, key},
		Provider: g.opts.Provider, Clock: g.opts.Clock, ExchangeTimeout: g.opts.ExchangeTimeout,
	}
}

type refresher struct {
	group *Group
	key   Key
}

func (r refresher) Refresh(ctx context.Context, _ string) (onerefresh.Response, error) {
	return r.group.opts.Refresh(ctx, r.key)
}

// saveTimeout bounds one call of Save.
const saveTimeout = 5 * time.Second

// save has a token saved, at once or, if that fails, later.
func (g *Group) save(key Key, token onerefresh.Token) {
	if g.opts.Save == nil {
		return
	}
	try := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
		defer cancel()
		return g.opts.Save(ctx, key, token)
	}
	if try() == nil {
		return
	}
	go func() {
		defer func() { recover() }()
		until := time.Now().Add(g.opts.Grace)
		for wait := 100 * time.Millisecond; time.Now().Before(until); wait *= 2 {
			time.Sleep(wait)
			if try() == nil {
				return
			}
		}
	}()
}

// keep must be called with mu held.
func (g *Group) keep(key Key, token onerefresh.Token) {
	if g.opts.Grace > 0 {
		g.kept.add(key, token, g.opts.Clock.Now().Add(g.opts.Grace))
	}
}

// Len returns how many refreshes are under way, and how many tokens are kept.
func (g *Group) Len() (flights, kept int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept.expire(g.opts.Clock.Now())
	return len(g.flights), len(g.kept.entries)
}
