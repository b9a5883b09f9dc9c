//go:build !(js && wasm)

package servers

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// latency of the token endpoint. It is what makes tabs meet at the lock.
const latency = 50 * time.Millisecond

// A front is a reverse proxy before an authorization server, as there is one
// before most. It notes what the browser sends, and can hold an answer back or
// lose it.
type front struct {
	proxy *httputil.ReverseProxy
	ready chan struct{} // closed when there is a proxy

	mu    sync.Mutex
	notes []note
	next  *held // for the next refresh token
}

// A note is a request, and for those to the token endpoint the answer.
type note struct {
	method, path string
	header       http.Header
	form         url.Values
	status       int
	answer       struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
}

// A held is a request whose answer is there, and was not passed on.
type held struct {
	reached chan struct{}
	release func()
	until   chan struct{}
	lost    bool
}

func newFront() *front { return &front{ready: make(chan struct{})} }

// serve begins to serve the authorization server at address.
func (f *front) serve(address string) error {
	target, err := url.Parse(address)
	if err != nil {
		return err
	}
	f.proxy = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	close(f.ready)
	return nil
}

// hold has the next answer to a refresh token held back.
func (f *front) hold() *held {
	h := &held{reached: make(chan struct{}), until: make(chan struct{})}
	h.release = sync.OnceFunc(func() { close(h.until) })
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = h
	return h
}

// lose has the next answer to a refresh token lost.
func (f *front) lose() {
	h := f.hold()
	h.lost = true
	h.release()
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	<-f.ready
	n := note{method: r.Method, path: r.URL.Path, header: r.Header.Clone()}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		n.form, _ = url.ParseQuery(string(body))
	}
	if !n.form.Has("grant_type") && !n.form.Has("token") {
		f.add(n)
		f.proxy.ServeHTTP(w, r)
		return
	}
	time.Sleep(latency)
	answer := httptest.NewRecorder()
	f.proxy.ServeHTTP(answer, r)
	n.status = answer.Code
	json.Unmarshal(answer.Body.Bytes(), &n.answer)
	if h := f.add(n); h != nil {
		close(h.reached)
		<-h.until
		if h.lost {
			panic(http.ErrAbortHandler)
		}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// add takes down a request, and returns what is to become of its answer.
func (f *front) add(n note) *held {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notes = append(f.notes, n)
	if n.form.Get("grant_type") != "refresh_token" {
		return nil
	}
	h := f.next
	f.next = nil
	return h
}

func (f *front) where(holds func(note) bool) (some []note) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.notes {
		if holds(n) {
			some = append(some, n)
		}
	}
	return some
}

func (f *front) refreshes() []note {
	return f.where(func(n note) bool { return n.form.Get("grant_type") == "refresh_token" })
}

// last returns the last token response.
func (f *front) last() note {
	all := f.where(func(n note) bool { return n.answer.AccessToken != "" })
	return all[len(all)-1]
}

func (f *front) revocations() []note {
	return f.where(func(n note) bool { return n.form.Has("token") })
}
