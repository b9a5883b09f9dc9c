//go:build !(js && wasm)

package npm_test

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var ways = []string{"script", "esm"}

// However the module comes to the page, a stale token is refreshed once.
func TestLoading(t *testing.T) {
	sources := map[string]string{
		"default": ``,
		"string":  `options.wasmURL = "dist/onerefresh.wasm";`,
		"URL":     `options.wasmURL = new URL("/dist/onerefresh.wasm", location.href);`,
		"module":  `options.wasmModule = await WebAssembly.compile(await (await fetch("/dist/onerefresh.wasm")).arrayBuffer());`,
	}
	for _, how := range ways {
		for _, mimeType := range []string{"application/wasm", "application/wasm; charset=utf-8", "text/plain"} {
			for source, set := range sources {
				t.Run(how+"/"+mimeType+"/"+source, func(t *testing.T) {
					s := newSite(t)
					s.mimeType = mimeType
					page := s.open(how)
					got := eval[outcome](page, set+`
						store(stale);
						const session = await onerefresh.open(options);
						const other = await onerefresh.open({...options, name: "other"});
						return outcome(Promise.all([session.getAccessToken(), session.getAccessToken()]).then(String));`)
					if got.Value != "a2,a2" {
						t.Errorf("got %s", got)
					}
					if n := s.count("/token"); n != 1 {
						t.Errorf("%d exchanges", n)
					}
					if n := s.count("/dist/onerefresh.wasm"); n != 1 {
						t.Errorf("the module was requested %d times", n)
					}
				})
			}
		}
	}
}

// Go's support code puts things on the global object, which is the page's.
func TestGlobalsOfThePageAreLeftAlone(t *testing.T) {
	for _, how := range ways {
		t.Run(how, func(t *testing.T) {
			page := newSite(t).open(how)
			got := eval[string](page, `
				window.process = {mine: true};
				Object.defineProperty(window, "fs", {get: () => "mine", configurable: true});
				Object.defineProperty(window, "path", {value: "mine", writable: true, configurable: false});
				const promise = Promise;
				store(stale);
				const session = await onerefresh.open(options);
				if (await session.getAccessToken() !== "a2") return "no token";
				if (!process.mine || fs !== "mine" || path !== "mine" || Promise !== promise) return "changed";
				return Object.getOwnPropertyNames(window).filter((name) => !before.includes(name)).sort().join();`)
			if want := "before,fs,onerefresh,options,outcome,path,process,stale,store,valid"; got != want {
				t.Errorf("window has %s\nwant %s", got, want)
			}
		})
	}
}

func TestFailedLoadIsTriedAgain(t *testing.T) {
	failures := map[string]func(http.ResponseWriter){
		"404":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"HTML": func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html"); fmt.Fprint(w, "<html>") },
		"wrong HTML": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/wasm")
			fmt.Fprint(w, "<html>")
		},
		"cut": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/wasm")
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "\x00asm")
			w.(http.Flusher).Flush() // or else the browser itself tries again
			panic(http.ErrAbortHandler)
		},
		"foreign": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/wasm")
			fmt.Fprint(w, "\x00asm\x01\x00\x00\x00")
		},
	}
	for _, how := range ways {
		for name, failure := range failures {
			t.Run(how+"/"+name, func(t *testing.T) {
				s := newSite(t)
				s.modules = []func(http.ResponseWriter){failure, failure}
				page := s.open(how)
				// To open the session tries once; the first call joins that, or
				// tries again.
				got := eval[[]outcome](page, `
					store(stale);
					const session = await onerefresh.open(options);
					const outcomes = [];
					while (outcomes.length < 5 && !outcomes.at(-1)?.value) outcomes.push(await outcome(session.getAccessToken()));
					return outcomes;`)
				last := len(got) - 1
				for _, o := range got[:last] {
					if !o.Typed || o.Code != "wasm_unavailable" || o.Cause == "undefined" {
						t.Errorf("got %s", o)
					}
				}
				if last == 0 || got[last].Value != "a2" {
					t.Errorf("got %v", got)
				}
				if n := s.count("/token"); n != 1 {
					t.Errorf("%d exchanges", n)
				}
			})
		}
	}
}

// JavaScript may read: with a valid token stored, nothing is waited for.
func TestStoredTokenNeedsNoModule(t *testing.T) {
	for _, how := range ways {
		t.Run(how, func(t *testing.T) {
			s := newSite(t)
			page := s.open(how)
			got := eval[outcome](page, `
				window.requestIdleCallback = (work) => { window.idle = work };
				store(valid);
				window.session = await onerefresh.open(options);
				return outcome(session.getAccessToken());`)
			if got.Value != "stored" {
				t.Errorf("got %s", got)
			}
			const fetched = `return performance.getEntriesByType("resource").filter((e) => e.name.includes(".wasm")).length`
			if n := eval[int](page, fetched); n != 0 || s.count("/dist/onerefresh.wasm") != 0 {
				t.Error("the module was requested")
			}

			// When the page has nothing else to do, it is made ready: a stale
			// token must not wait for a download.
			eval[any](page, `idle()`)
			eventually(t, "the module is requested", func() bool { return s.count("/dist/onerefresh.wasm") == 1 })
			if s.count("/token") != 0 {
				t.Error("a valid token was refreshed")
			}
		})
	}
}

// What comes after the script of the README is parsed while that is under way.
func TestScriptTagBlocksNoParsing(t *testing.T) {
	s := newSite(t)
	parsed := make(chan struct{})
	s.handle = map[string]http.HandlerFunc{
		"/": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><script src=/page.js></script>
				<script defer src="/dist/onerefresh.js"></script>
				<script>document.write("<script src=/parsed.js></" + "script>");</script>
				<script type="module">store(valid); window.token = outcome(onerefresh.open(options).then((session) => session.getAccessToken()));</script>`)
		},
		"/parsed.js": func(w http.ResponseWriter, r *http.Request) { close(parsed) },
		"/dist/onerefresh.js": func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-parsed:
			case <-time.After(patience):
				t.Error("the page is not parsed any further until it has the script")
			}
			http.ServeFile(w, r, filepath.Join(dist, "onerefresh.js"))
		},
	}
	if got := eval[outcome](s.open("script"), `return token`); got.Value != "stored" {
		t.Errorf("got %s", got)
	}
}

// The page on which the user signs in has better things to do first.
func TestSignedOutPageLoadsTheModuleWhenIdle(t *testing.T) {
	s := newSite(t)
	page := s.open("esm")
	fetched := eval[[]string](page, `
		const fetched = [], fetch = window.fetch;
		window.fetch = (url) => { fetched.push(String(url)); return fetch(url) };
		window.requestIdleCallback = (work) => { window.idle = work };
		const session = await onerefresh.open(options);
		return fetched;`)
	if len(fetched) != 0 {
		t.Errorf("requested %q", fetched)
	}
	eval[any](page, `idle()`)
	eventually(t, "the module is requested", func() bool { return s.count("/dist/onerefresh.wasm") == 1 })
}

// Once a session has been open for a second, what a refresh begins with has run;
// if it was closed by then, it has not.
func TestRehearsal(t *testing.T) {
	s := newSite(t)
	s.prelude = `
		window.requested = [];
		const { request } = LockManager.prototype;
		LockManager.prototype.request = function (name, ...rest) {
			requested.push(name);
			return request.call(this, name, ...rest);
		};`
	page := s.open("esm")
	left := eval[string](page, `
		const ready = async (name) => {
			const session = await onerefresh.open({ ...options, name });
			await session.signOut(); // which Go has to do
			return session;
		};
		for (let i = 0; ; i++) {
			const begin = performance.now();
			(await ready("left" + i)).close();
			if (performance.now() - begin > 1000) continue; // on a busy machine, perhaps too late
			await ready("stays");
			return "onerefresh:left" + i + "/idle";
		}`)
	const rehearsed = `return requested.filter((name) => name.endsWith("/idle"))`
	eventually(t, "there is a rehearsal", func() bool {
		return slices.Contains(eval[[]string](page, rehearsed), "onerefresh:stays/idle")
	})
	eventually(t, "its lock is released", func() bool {
		return eval[int](page, `
			const { held, pending } = await navigator.locks.query();
			return [...held, ...pending].filter(({ name }) => name.endsWith("/idle")).length`) == 0
	})
	if slices.Contains(eval[[]string](page, rehearsed), left) {
		t.Error("a session that was closed had a rehearsal")
	}
	if s.count("/token") != 0 {
		t.Error("a token was refreshed")
	}
}

func TestStoredTokenIsFast(t *testing.T) {
	s := newSite(t)
	page := s.open("esm")
	got := eval[[]float64](page, `
		window.requestIdleCallback = () => {};
		store(valid);
		const session = await onerefresh.open(options);
		const run = async () => {
			const begin = performance.now();
			for (let i = 0; i < 10_000; i++) if (await session.getAccessToken() !== "stored") throw new Error("not the stored token");
			return performance.now() - begin;
		};
		return [await run(), await run()];`)
	t.Logf("10,000 calls: %.1f µs each, then %.1f µs", got[0]/10, got[1]/10)
	if got[1] > 1000 {
		t.Errorf("10,000 calls took %.0f ms", got[1])
	}
	if s.count("/dist/onerefresh.wasm") != 0 {
		t.Error("the module was requested")
	}
}

// To read a record is most of what a call costs: that is done once for each that
// is stored, and a call sees at once what is stored by then.
func TestStoredTokenIsReadOnce(t *testing.T) {
	tab := newSite(t).open("esm")
	got := eval[struct {
		Parsed int
		Tokens []string
	}](tab, `
		store(valid);
		const session = await onerefresh.open(options);
		await session.getAccessToken();
		const {parse} = JSON;
		let parsed = 0;
		JSON.parse = (...args) => (parsed++, parse(...args));
		for (let i = 0; i < 100; i++) await session.getAccessToken();
		const one = parsed;
		const tokens = [await session.getAccessToken()];
		store({...valid, access_token: "another"});
		tokens.push(await session.getAccessToken());
		localStorage.removeItem("onerefresh:s");
		tokens.push((await outcome(session.getAccessToken())).code);
		JSON.parse = parse;
		return {Parsed: one, Tokens: tokens};`)
	if got.Parsed != 0 || strings.Join(got.Tokens, " ") != "stored another signed_out" {
		t.Errorf("a record that is stored unchanged was read %d times; tokens %q", got.Parsed, got.Tokens)
	}
}

// Without 'wasm-unsafe-eval' there is no refresh at all, and in particular none
// without coordination. (With it, every test here runs under a strict policy.)
func TestContentSecurityPolicyWithoutWebAssembly(t *testing.T) {
	for _, how := range ways {
		t.Run(how, func(t *testing.T) {
			s := newSite(t)
			s.csp = strict
			const call = `
				store(stale);
				const session = await onerefresh.open(options);
				const begin = performance.now();
				const result = await outcome(session.getAccessToken());
				return {...result, value: performance.now() - begin};`
			got := eval[outcome](s.open(how), call)
			if !got.Typed || got.Code != "wasm_unavailable" || !strings.Contains(got.Cause, "Content Security Policy") {
				t.Errorf("got %s", got)
			}
			t.Logf("%s after %.0f ms", got.Code, got.Value)
			if ms, _ := got.Value.(float64); ms > 5000 {
				t.Errorf("after %.0f ms", ms)
			}
			if s.count("/token") != 0 {
				t.Error("a request to the token endpoint")
			}
			valid := eval[outcome](s.open(how), `
				store(valid);
				const session = await onerefresh.open(options);
				return outcome(session.getAccessToken());`)
			if valid.Value != "stored" {
				t.Errorf("got %s for a valid token", valid)
			}
		})
	}
}

// integrity returns that of a built file.
func integrity(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dist, file))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum384(content)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}

// wrongIntegrity is that of other files.
var wrongIntegrity = "sha384-" + base64.StdEncoding.EncodeToString(make([]byte, sha512.Size384))

func TestSubresourceIntegrity(t *testing.T) {
	const (
		call = `
			store(stale);
			const session = await onerefresh.open(options);
			return outcome(session.getAccessToken());`
		compile = `options.wasmModule = await WebAssembly.compileStreaming(fetch("/dist/onerefresh.wasm", {integrity: %q}));`
	)
	right := integrity(t, "onerefresh.wasm")
	for name, set := range map[string]string{
		"wasmIntegrity": fmt.Sprintf(`options.wasmIntegrity = %q;`, right),
		"wasmModule":    fmt.Sprintf(compile, right),
	} {
		t.Run("right hash as "+name, func(t *testing.T) {
			s := newSite(t)
			if got := eval[outcome](s.open("script&integrity="+url.QueryEscape(integrity(t, "onerefresh.js"))), set+call); got.Value != "a2" {
				t.Errorf("got %s", got)
			}
		})
	}
	t.Run("wrong hash of the module", func(t *testing.T) {
		s := newSite(t)
		got := eval[outcome](s.open("script"), fmt.Sprintf(`options.wasmIntegrity = %q;`, wrongIntegrity)+call)
		if !got.Typed || got.Code != "wasm_unavailable" || s.count("/token") != 0 {
			t.Errorf("got %s, %d exchanges", got, s.count("/token"))
		}
		if s.count("/dist/onerefresh.wasm") == 0 {
			t.Error("the module was not even requested")
		}
	})
	t.Run("wrong hash of the script", func(t *testing.T) {
		s := newSite(t)
		page := s.open("script&integrity=" + url.QueryEscape(wrongIntegrity))
		if got := eval[string](page, `return typeof window.onerefresh`); got != "undefined" {
			t.Errorf("window.onerefresh is there: %s", got)
		}
	})
}

// serveProgram compiles a stand-in for the module from testdata, and has the
// site serve it as the next one.
func (s *site) serveProgram(name string) {
	s.t.Helper()
	wasm := filepath.Join(s.t.TempDir(), name+".wasm")
	build := exec.Command("go", "run", "./build", "-compiler", compiler, "-o", wasm, "-program", "./testdata/"+name)
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(wasm)
	if err != nil {
		s.t.Fatal(err)
	}
	s.modules = append(s.modules, func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/wasm")
		w.Write(sign(s.t, program))
	})
}

// A panic that nobody recovers ends the program in another way than a trap.
func TestPanic(t *testing.T) {
	s := newSite(t)
	s.serveProgram("panics")
	got := eval[[]outcome](s.open("esm"), `
		store(stale);
		const session = await onerefresh.open(options);
		const waiting = outcome(session.signOut());
		const outcomes = await Promise.all([waiting, outcome(session.getAccessToken())]);
		return [...outcomes, await outcome(session.getAccessToken())];`)
	for _, o := range got {
		if !o.Typed || o.Code != "internal" || o.Cause == "" {
			t.Errorf("got %s", o)
		}
	}
}

// What wakes many goroutines, as the page's return does, has each of them call
// JavaScript that calls back, one within the other.
func TestCallsBackWithinEachOther(t *testing.T) {
	s := newSite(t)
	s.serveProgram("wakes")
	got := eval[outcome](s.open("esm"), `
		store(stale);
		return outcome(onerefresh.open(options).then((session) => session.getAccessToken()));`)
	if got.Value != "10" {
		t.Errorf("got %s, want that all 10 goroutines go on", got)
	}
}

func TestProgramThatIsNeverReady(t *testing.T) {
	s := newSite(t)
	s.serveProgram("returns")
	// Without Web Locks no call gives way, until after the program has ended.
	got := eval[[]outcome](s.open("esm"), `
		Object.defineProperty(navigator, "locks", {value: undefined});
		store(stale);
		const session = await onerefresh.open(options);
		return [await outcome(session.getAccessToken()), await outcome(session.getAccessToken())];`)
	if got[0].Code != "wasm_unavailable" || got[1].Value != "a2" {
		t.Errorf("got %s", got)
	}
}

// trap makes the page's Go programs trap when window.trap is set and they look
// at the clock.
const trap = `
	const instantiate = WebAssembly.instantiate;
	WebAssembly.instantiate = (module, imports) => {
		const clock = "runtime.walltime" in imports.gojs ? "runtime.walltime" : "runtime.ticks"; // TinyGo's
		const now = imports.gojs[clock];
		imports.gojs[clock] = (...args) => {
			if (window.trap) throw new WebAssembly.RuntimeError("unreachable");
			return now(...args);
		};
		return instantiate.call(WebAssembly, module, imports);
	};`

func TestDeadModule(t *testing.T) {
	for _, how := range ways {
		t.Run(how, func(t *testing.T) {
			s := newSite(t)
			s.hold = make(chan struct{})
			page := s.open(how)
			eval[any](page, trap+`
				store(stale);
				window.session = await onerefresh.open(options);
				window.exchanging = outcome(session.getAccessToken());`)
			eventually(t, "the exchange is under way, and the lock held", func() bool { return s.count("/token") == 1 })

			// A second call, from another session of the page, kills them both.
			got := eval[[]outcome](page, `
				store(stale, "onerefresh:other");
				const other = await onerefresh.open({...options, name: "other"});
				await outcome(other.getAccessToken({signal: AbortSignal.timeout(200)}));
				window.trap = true;
				const killer = outcome(other.signOut()); // goes to Go at once, before a timer does
				const outcomes = [await killer, await exchanging];
				window.trap = false;
				return outcomes;`)
			for _, o := range got {
				if !o.Typed || o.Code != "internal" {
					t.Errorf("got %s, want internal", o)
				}
			}
			held := eval[int](page, `return (await navigator.locks.query()).held.filter(({ name }) => !name.endsWith("/turn")).length`)
			if held != 0 {
				t.Errorf("the dead program holds %d locks", held)
			}

			s.mu.Lock()
			s.hold = nil // for what comes; the one that is there stays
			s.mu.Unlock()
			if got := eval[outcome](page, `return outcome(session.getAccessToken())`); got.Value != "a2" {
				t.Errorf("the next call got %s", got)
			}
			if n := s.count("/dist/onerefresh.wasm"); n != 1 {
				t.Errorf("the module was downloaded %d times", n)
			}
		})
	}
}
