//go:build js && wasm

package stores_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/stores/storestest"
)

// TestMain lets tests that only wait do so at the same time. There is one
// processor.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "4")
	os.Exit(m.Run())
}

// TestLocalStorage runs on node and in three kinds of page, see
// internal/chromium/exec. What two processes see of each other is tested in
// e2e/handoff.
func TestLocalStorage(t *testing.T) {
	origin, _ := get(t, jsbridge.Global(), "origin").Text()
	_, window := get(t, jsbridge.Global(), "isSecureContext").Bool()
	switch {
	case !window:
		t.Run("is unsupported", isUnsupported)
	case origin == "null":
		t.Run("is refused", isRefused)
	default:
		for _, c := range []struct {
			name     string
			refuse   func(t *testing.T)
			coherent bool
		}{
			{"all there is", func(*testing.T) {}, true},
			{"IndexedDB alone", refuseLocks, true},
			{"Web Locks alone", refuseDatabase, get(t, jsbridge.Global(), "navigator", "locks").IsObject()},
			{"neither", func(t *testing.T) { refuseLocks(t); refuseDatabase(t) }, false},
		} {
			t.Run(c.name, func(t *testing.T) {
				c.refuse(t)
				store := open(t)
				storestest.Run(t, func() onerefresh.Store { return open(t) })
				if store.Coherent() != c.coherent {
					t.Errorf("Coherent is %v", !c.coherent)
				}
				t.Run("other code removes", otherCodeRemoves)
				t.Run("the writer died", writerDied)
				t.Run("no room", noRoom)
				if c.coherent {
					t.Run("waits for the newest", waitsForTheNewest)
					t.Run("the newest is yet to show", func(t *testing.T) { t.Parallel(); newestIsYetToShow(t) })
					t.Run("the browser lost the newest", func(t *testing.T) { t.Parallel(); browserLostTheNewest(t) })
				}
				t.Run("other code signs in", func(t *testing.T) { t.Parallel(); otherCodeSignsIn(t) })
				t.Run("other code writes nonsense", func(t *testing.T) { t.Parallel(); otherCodeWritesNonsense(t) })
			})
		}
		if get(t, jsbridge.Global(), "navigator", "locks").IsObject() { // one kind of page is enough
			t.Run("in a format", inAFormat)
		}
		t.Run("a peer without a database", peerWithoutDatabase)
		t.Run("storage events", storageEvents)
		t.Run("storage fails", storageFails)
		t.Run("no tokens elsewhere", noTokensElsewhere)
		t.Run("database is deleted", databaseIsDeleted)
		t.Run("database fails", databaseFails)
		t.Run("the page is busy", pageIsBusy)
		t.Run("database is silent", databaseIsSilent)
		t.Run("locks are silent", locksAreSilent)
		t.Run("context ends", contextEnds)
	}
}

func isUnsupported(t *testing.T) {
	if _, err := stores.LocalStorage("a"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v, want ErrUnsupported", err)
	}
}

func isRefused(t *testing.T) {
	_, err := stores.LocalStorage("a")
	var thrown *jsbridge.Exception
	if !errors.As(err, &thrown) || thrown.Name != "SecurityError" {
		t.Errorf("error %v, want a SecurityError", err)
	}
}

// open returns the store of the test.
func open(t *testing.T) *stores.LocalStorageStore {
	t.Helper()
	s, err := stores.LocalStorage(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, v jsbridge.Value, names ...string) jsbridge.Value {
	t.Helper()
	for _, name := range names {
		var err error
		if v, err = v.Get(name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return v
}

// eval runs the body of an async function of the parameters a, b and c.
func eval(t *testing.T, body string, args ...any) jsbridge.Value {
	t.Helper()
	f, err := get(t, jsbridge.Global(), "Function").Invoke("a", "b", "c", "return (async () => {"+body+"})()")
	if err != nil {
		t.Fatal(err)
	}
	v, err := f.Invoke(args...)
	if err == nil {
		v, err = jsbridge.Await(context.Background(), v) // also in a cleanup
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func text(t *testing.T, key string) string {
	t.Helper()
	s, _ := eval(t, "return localStorage.getItem(a)", key).Text()
	return s
}

// instead puts something else in the place of a property, for a test.
func instead(t *testing.T, property, value string, object ...string) {
	t.Helper()
	dropDatabase(t)
	restore := eval(t, `
		const own = Object.getOwnPropertyDescriptor(b, a);
		Object.defineProperty(b, a, {configurable: true, value: c});
		return () => own ? Object.defineProperty(b, a, own) : delete b[a];
	`, property, get(t, jsbridge.Global(), object...), eval(t, "return "+value))
	t.Cleanup(func() { restore.Invoke() })
}

// dropDatabase deletes the database, if it can be used. The page has to open it
// anew.
func dropDatabase(t *testing.T) {
	t.Helper()
	eval(t, `if (globalThis.indexedDB?.deleteDatabase) await new Promise((done, failed) => {
		const request = indexedDB.deleteDatabase("onerefresh");
		request.onsuccess = done;
		request.onerror = () => failed(request.error);
		request.onblocked = () => failed(new Error("blocked"));
	})`)
}

func refuseLocks(t *testing.T)    { instead(t, "locks", "undefined", "navigator") }
func refuseDatabase(t *testing.T) { instead(t, "indexedDB", "undefined") }

func load(t *testing.T, s *stores.LocalStorageStore) onerefresh.Record {
	t.Helper()
	rec, err := s.Load(t.Context())
	if err != nil {
		t.Fatal("Load:", err)
	}
	return rec
}

func swap(t *testing.T, s *stores.LocalStorageStore, old, new onerefresh.Record) {
	t.Helper()
	if err := s.CompareAndSwap(t.Context(), old, new); err != nil {
		t.Fatal("CompareAndSwap:", err)
	}
}

// signIn replaces what is stored, whatever it is.
func signIn(t *testing.T, s *stores.LocalStorageStore, token onerefresh.Token) onerefresh.Record {
	t.Helper()
	old, err := s.Load(t.Context())
	if bad := (*onerefresh.RecordError)(nil); err != nil && !errors.As(err, &bad) {
		t.Fatal("Load:", err)
	}
	rec := onerefresh.Record{Generation: old.Generation + 1, Epoch: old.Generation + 1, Writer: "me", Token: token}
	swap(t, s, old, rec)
	if got := load(t, s); got.Token.AccessToken != token.AccessToken || got.Generation != rec.Generation {
		t.Fatalf("after a sign-in, Load returns generation %d with %q", got.Generation, got.Token.AccessToken)
	}
	return rec
}

// overtaken fails the test unless old conflicts with what is stored.
func overtaken(t *testing.T, s *stores.LocalStorageStore, old onerefresh.Record) {
	t.Helper()
	before := text(t, t.Name())
	next := onerefresh.Record{Generation: old.Generation + 1, Token: onerefresh.Token{AccessToken: "late"}}
	if err := s.CompareAndSwap(t.Context(), old, next); err != onerefresh.ErrConflict {
		t.Errorf("CompareAndSwap: error %v, want ErrConflict", err)
	}
	if text(t, t.Name()) != before {
		t.Error("a conflict has changed what is stored")
	}
}

// otherCodeRemoves: the sign-out of another library must not be undone by a
// refresh under way.
func otherCodeRemoves(t *testing.T) {
	for _, how := range []string{"localStorage.removeItem(a)", "localStorage.clear()"} {
		s := open(t)
		rec := signIn(t, s, onerefresh.Token{AccessToken: "a", RefreshToken: "r"})
		eval(t, how, t.Name())
		overtaken(t, s, rec)
		got := load(t, s)
		if got.Token.AccessToken != "" || got.Token.RefreshToken != "" || got.Writer != "" {
			t.Errorf("%s: Load returns %+v", how, got)
		}
		overtaken(t, s, rec)
		begin := time.Now()
		load(t, s)
		if took := time.Since(begin); took > 250*time.Millisecond {
			t.Errorf("%s: the second Load takes %v", how, took)
		}
		signIn(t, s, onerefresh.Token{AccessToken: "b"})
		overtaken(t, s, rec)
	}
}

func otherCodeSignsIn(t *testing.T) {
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a", RefreshToken: "r"})
	eval(t, `localStorage.setItem(a, '{"v":1,"access_token":"b","refresh_token":"s","expires_at":5}')`, t.Name())
	overtaken(t, s, rec)
	got := load(t, s)
	if got.Token.AccessToken != "b" || got.Token.RefreshToken != "s" || got.Token.Expiry.UnixMilli() != 5 {
		t.Errorf("Load returns %q, %q, %v", got.Token.AccessToken, got.Token.RefreshToken, got.Token.Expiry)
	}
	if got.Epoch == rec.Epoch {
		t.Error("the epoch is that of the sign-in before")
	}
	overtaken(t, s, rec)
	swap(t, s, got, onerefresh.Record{Generation: got.Generation + 1, Writer: "me", Token: onerefresh.Token{AccessToken: "c"}})
	if got := load(t, s); got.Token.AccessToken != "c" {
		t.Errorf("after a swap, Load returns %q", got.Token.AccessToken)
	}
}

func otherCodeWritesNonsense(t *testing.T) {
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a", RefreshToken: "r"})
	eval(t, "localStorage.setItem(a, 'nonsense')", t.Name())
	overtaken(t, s, rec)
	_, err := s.Load(t.Context())
	if bad := (*onerefresh.RecordError)(nil); !errors.As(err, &bad) {
		t.Errorf("Load: error %v, want a RecordError", err)
	}
	signIn(t, s, onerefresh.Token{AccessToken: "b"})
}

// writerDied: localStorage was written, and the page ended before the rest was.
func writerDied(t *testing.T) {
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a"})
	eval(t, `localStorage.setItem(a, JSON.stringify({v: 1, generation: b, writer: "peer", access_token: "b"}))`, t.Name(), rec.Generation+1)
	if got := load(t, s); got.Token.AccessToken != "b" || got.Generation != rec.Generation+1 {
		t.Errorf("Load returns generation %d with %q", got.Generation, got.Token.AccessToken)
	}
	overtaken(t, s, rec)
	signIn(t, s, onerefresh.Token{AccessToken: "c"})
}

func noRoom(t *testing.T) {
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a"})
	next := onerefresh.Record{Generation: rec.Generation + 1, Token: onerefresh.Token{AccessToken: strings.Repeat("x", 6<<20)}}
	err := s.CompareAndSwap(t.Context(), rec, next)
	var thrown *jsbridge.Exception
	if !errors.As(err, &thrown) || thrown.Name != "QuotaExceededError" {
		t.Errorf("error %v, want a QuotaExceededError", err)
	}
	if got := load(t, s); got.Token.AccessToken != "a" || got.Generation != rec.Generation {
		t.Errorf("Load returns generation %d with %q", got.Generation, got.Token.AccessToken)
	}
	next.Token.AccessToken = "b"
	swap(t, s, rec, next)
	signIn(t, s, onerefresh.Token{AccessToken: "c"})
}

// waitsForTheNewest shows the page an old record for a while, as the browser
// does when another process has just written.
func waitsForTheNewest(t *testing.T) {
	for _, old := range []string{"older", "absent", "other code's"} {
		t.Run(old, func(t *testing.T) {
			s := open(t)
			before := "null"
			switch old {
			case "older":
				signIn(t, s, onerefresh.Token{AccessToken: "a", RefreshToken: "old"})
				before = text(t, t.Name())
			case "other code's":
				before = `{"v":1,"access_token":"a","refresh_token":"old"}`
			}
			rec := signIn(t, s, onerefresh.Token{AccessToken: "b", RefreshToken: "new"})
			eval(t, `
				const late = localStorage.getItem(a);
				b === "null" ? localStorage.removeItem(a) : localStorage.setItem(a, b);
				setTimeout(() => localStorage.setItem(a, late), 100);
			`, t.Name(), before)
			if got := load(t, s); got.Token.RefreshToken != "new" || got.Generation != rec.Generation {
				t.Errorf("Load returns generation %d with %q", got.Generation, got.Token.RefreshToken)
			}
		})
	}
}

// newestIsYetToShow: other code has cleared storage, and then somebody signed in
// elsewhere. That there is a generation which was never seen here tells that
// from a removal, however busy the machine is.
func newestIsYetToShow(t *testing.T) {
	s, elsewhere := open(t), open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a", RefreshToken: "old"})
	rec.Generation++
	rec.Token = onerefresh.Token{AccessToken: "b", RefreshToken: "new"}
	swap(t, elsewhere, load(t, elsewhere), rec)
	eval(t, `
		const late = localStorage.getItem(a);
		localStorage.removeItem(a);
		setTimeout(() => localStorage.setItem(a, late), 1000);
	`, t.Name())
	if got := load(t, s); got.Token.RefreshToken != "new" {
		t.Errorf("Load returns generation %d with %q", got.Generation, got.Token.RefreshToken)
	}
}

// browserLostTheNewest: the browser crashed before it had saved it.
func browserLostTheNewest(t *testing.T) {
	s := open(t)
	old := signIn(t, s, onerefresh.Token{AccessToken: "a", RefreshToken: "old"})
	before := text(t, t.Name())
	rec := signIn(t, s, onerefresh.Token{AccessToken: "b", RefreshToken: "new"})
	// The marks of these swaps must outlast the wait.
	eval(t, "navigator.locks?.request(`onerefresh/${a}/${b}`, {mode: 'shared'}, () => new Promise(done => setTimeout(done, 6000)))", t.Name(), rec.Generation)
	eval(t, "localStorage.setItem(a, b)", t.Name(), before)
	// A session peeks, and relies on the swap to fail if what it saw was old.
	overtaken(t, s, old)
	for i := range 2 {
		begin := time.Now()
		got, err := s.Load(t.Context())
		var bad *onerefresh.RecordError
		if !errors.As(err, &bad) || bad.Field != "generation" {
			t.Errorf("Load: error %v, want a RecordError for the generation", err)
		}
		if got.Token.AccessToken != "" || got.Token.RefreshToken != "" || got.Generation != rec.Generation {
			t.Errorf("Load returns generation %d with %q", got.Generation, got.Token.RefreshToken)
		}
		if took := time.Since(begin); i == 1 && took > 250*time.Millisecond {
			t.Errorf("the second Load takes %v", took)
		}
	}
	signIn(t, s, onerefresh.Token{AccessToken: "c"})
}

// peerWithoutDatabase: what another page has just written is marked, and nothing
// else shows it yet.
func peerWithoutDatabase(t *testing.T) {
	if !get(t, jsbridge.Global(), "navigator", "locks").IsObject() {
		return // neither has the peer
	}
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a", RefreshToken: "old"})
	eval(t, `await new Promise(granted => navigator.locks.request(`+"`onerefresh/${a}/${b}`"+`, {mode: "shared"}, () => {
		granted();
		return new Promise(done => globalThis.letGo = done);
	}))`, t.Name(), rec.Generation+1)
	defer eval(t, "letGo()")
	// A session peeks, and relies on the swap to fail if what it saw was old.
	overtaken(t, s, rec)
	eval(t, `setTimeout(() => localStorage.setItem(a, JSON.stringify({v: 1, generation: b, writer: "peer", refresh_token: "new"})), 50)`, t.Name(), rec.Generation+1)
	if got := load(t, s); got.Token.RefreshToken != "new" {
		t.Errorf("Load returns %q", got.Token.RefreshToken)
	}
}

func storageEvents(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		event string
		told  bool
	}{
		{`new StorageEvent("storage", {key: a})`, true},
		{`new StorageEvent("storage", {key: null})`, true},
		{`new StorageEvent("storage", {key: a, newValue: "nonsense", storageArea: localStorage})`, true},
		{`new PageTransitionEvent("pageshow", {persisted: true})`, true},
		{`new StorageEvent("storage", {key: a + " of another"})`, false},
		{`new Event("storage")`, true}, // whatever that is
		{`Object.defineProperty(new Event("storage"), "key", {get() { throw new Error("no") }})`, false},
	} {
		told := make(chan struct{}, 1)
		stop := s.Watch(func() {
			select {
			case told <- struct{}{}:
			default:
			}
		})
		eval(t, "dispatchEvent("+c.event+")", t.Name())
		patience := 5 * time.Second
		if !c.told {
			patience = 200 * time.Millisecond
		}
		select {
		case <-told:
			if !c.told {
				t.Errorf("%s: a watcher is told", c.event)
			}
		case <-time.After(patience):
			if c.told {
				t.Errorf("%s: the watcher is not told", c.event)
			}
		}
		stop()
	}
}

func storageFails(t *testing.T) {
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a"})
	failing := func(method string, f func() error) {
		eval(t, "const f = Storage.prototype[a]; Storage.prototype[a] = () => { throw new Error('no') }; globalThis.restore = () => { Storage.prototype[a] = f }", method)
		defer eval(t, "restore()")
		var thrown *jsbridge.Exception
		if err := f(); !errors.As(err, &thrown) || thrown.Message != "no" {
			t.Errorf("%s: error %v, want what was thrown", method, err)
		}
	}
	failing("getItem", func() error { _, err := s.Peek(); return err })
	failing("getItem", func() error { _, err := s.Load(t.Context()); return err })
	next := onerefresh.Record{Generation: rec.Generation + 1}
	for _, method := range []string{"getItem", "setItem"} {
		failing(method, func() error { return s.CompareAndSwap(t.Context(), rec, next) })
	}
	if got := load(t, s); got.Generation != rec.Generation || got.Token.AccessToken != "a" {
		t.Errorf("Load returns generation %d", got.Generation)
	}
	swap(t, s, rec, next)
}

// noTokensElsewhere: whoever clears localStorage leaves none behind.
func noTokensElsewhere(t *testing.T) {
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "secret", RefreshToken: "secret"})
	if recorded, _ := eval(t, recordedGeneration, t.Name(), get(t, jsbridge.Global(), "indexedDB")).Number(); uint64(recorded) != rec.Generation {
		t.Errorf("IndexedDB has %v, want %d", recorded, rec.Generation)
	}
	names, _ := eval(t, "return JSON.stringify(await navigator.locks?.query())").Text()
	if strings.Contains(names, "secret") {
		t.Errorf("Web Locks have %s", names)
	}
}

// recordedGeneration returns what IndexedDB, b, has for the key a.
const recordedGeneration = `
	const opening = b.open("onerefresh");
	await new Promise(done => opening.onsuccess = done);
	const values = opening.result.transaction("generations").objectStore("generations");
	const value = values.get(a);
	await new Promise(done => value.onsuccess = done);
	opening.result.close();
	return value.result;
`

func databaseIsDeleted(t *testing.T) {
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a"})
	for range 2 {
		dropDatabase(t) // which fails if the page does not let it go
		if got := load(t, s); got.Generation != rec.Generation || got.Token.AccessToken != "a" {
			t.Errorf("Load returns generation %d with %q", got.Generation, got.Token.AccessToken)
		}
		rec = signIn(t, s, onerefresh.Token{AccessToken: "a"})
	}
}

// databaseFails: whatever IndexedDB does, what was written can be read, and the
// other way round.
func databaseFails(t *testing.T) {
	refusing := func(name string) string {
		return `{open() { throw new DOMException("no", "` + name + `") }}`
	}
	for _, stub := range []string{
		"null", "{}", refusing("SecurityError"),
		`{get open() { throw new Error("no") }}`,
		`{open() {
			const request = {error: new DOMException("no", "UnknownError")};
			setTimeout(() => request.onerror());
			return request;
		}}`,
		// A connection that is gone.
		`{open() {
			const request = {result: {transaction() { throw new DOMException("no", "InvalidStateError") }, close() {}}};
			setTimeout(() => request.onsuccess());
			return request;
		}}`,
		// A transaction that is aborted.
		`{open() {
			const transaction = () => {
				const tx = {error: new DOMException("no", "QuotaExceededError"), abort() {}, objectStore: () => ({get: () => ({}), put: () => ({})})};
				setTimeout(() => tx.onabort());
				return tx;
			};
			const request = {result: {transaction, close() {}}};
			setTimeout(() => request.onsuccess());
			return request;
		}}`,
	} {
		t.Run("", func(t *testing.T) {
			s := open(t)
			before := signIn(t, s, onerefresh.Token{AccessToken: "a"})
			instead(t, "indexedDB", stub)
			if got := load(t, s); got.Generation != before.Generation {
				t.Errorf("Load returns generation %d", got.Generation)
			}
			signIn(t, s, onerefresh.Token{AccessToken: "b"})
			overtaken(t, s, before)
		})
	}
}

// silentDatabase does not answer until somebody calls a method of answer.
const silentDatabase = "{open: () => globalThis.answer = {}}"

func databaseIsSilent(t *testing.T) {
	withLocks := get(t, jsbridge.Global(), "navigator", "locks").IsObject()
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a"})
	real := get(t, jsbridge.Global(), "indexedDB")
	instead(t, "indexedDB", silentDatabase)
	for i := range 3 {
		begin := time.Now()
		_, err := s.Load(t.Context())
		if took := time.Since(begin); took > 4*time.Second || i > 0 && took > 250*time.Millisecond {
			t.Errorf("Load %d takes %v", i, took)
		}
		if withLocks != (err == nil) {
			t.Errorf("Load: error %v", err)
		}
	}
	if withLocks {
		rec = signIn(t, s, onerefresh.Token{AccessToken: "b"})
	} else if err := s.CompareAndSwap(t.Context(), rec, onerefresh.Record{Generation: 100}); err == nil {
		t.Error("CompareAndSwap has swapped, and nobody can know")
	}
	if !s.Coherent() {
		t.Error("Coherent is false, though nothing was refused")
	}
	eval(t, `
		const request = a.open("onerefresh");
		request.onupgradeneeded = () => request.result.createObjectStore("generations");
		await new Promise(done => request.onsuccess = done);
		answer.result = request.result;
		answer.onsuccess();
	`, real)
	if got := load(t, s); got.Generation != rec.Generation {
		t.Errorf("after a late answer, Load returns generation %d", got.Generation)
	}
	rec = signIn(t, s, onerefresh.Token{AccessToken: "c"})
	if recorded, _ := eval(t, recordedGeneration, t.Name(), real).Number(); uint64(recorded) != rec.Generation {
		t.Errorf("after a late answer, %v is recorded, want %d", recorded, rec.Generation)
	}
}

// locksAreSilent: the database is enough.
func locksAreSilent(t *testing.T) {
	s := open(t)
	rec := signIn(t, s, onerefresh.Token{AccessToken: "a"})
	instead(t, "locks", "{query: () => new Promise(() => {}), request: () => new Promise(() => {})}", "navigator")
	begin := time.Now()
	loaded := make(chan error, 1)
	go func() {
		_, err := s.Load(t.Context())
		loaded <- err
	}()
	swap(t, s, rec, onerefresh.Record{Generation: rec.Generation + 1})
	if err := <-loaded; err != nil {
		t.Error("Load:", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Load and CompareAndSwap take %v", took)
	}
	overtaken(t, s, rec)
}

func contextEnds(t *testing.T) {
	gone := errors.New("gone")
	for _, during := range []string{"before", "during"} {
		t.Run(during, func(t *testing.T) {
			s := open(t)
			rec := signIn(t, s, onerefresh.Token{AccessToken: "a"})
			instead(t, "indexedDB", silentDatabase)
			defer eval(t, "globalThis.answer?.onerror()")
			ctx, cancel := context.WithCancelCause(t.Context())
			if during == "before" {
				cancel(gone)
			} else {
				time.AfterFunc(20*time.Millisecond, func() { cancel(gone) })
			}
			if _, err := s.Load(ctx); err != gone {
				t.Errorf("Load: error %v, want the cause of ctx", err)
			}
			if err := s.CompareAndSwap(ctx, rec, onerefresh.Record{Generation: rec.Generation + 1}); err != gone {
				t.Errorf("CompareAndSwap: error %v, want the cause of ctx", err)
			}
			if peeked, err := s.Peek(); err != nil || peeked.Generation != rec.Generation {
				t.Errorf("Peek returns generation %d, error %v", peeked.Generation, err)
			}
		})
	}
}

// An answer that came while the page was busy for longer than the browser may take
// is heard after the timer that would say that there is none.
func pageIsBusy(t *testing.T) {
	refuseLocks(t)
	store := open(t)
	loaded := make(chan error)
	go func() {
		_, err := store.Load(t.Context())
		loaded <- err
	}()
	time.AfterFunc(0, func() {
		for begin := time.Now(); time.Since(begin) < 3100*time.Millisecond; {
		}
	})
	if err := <-loaded; err != nil {
		t.Error(err)
	}
}
