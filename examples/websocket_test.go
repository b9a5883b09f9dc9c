//go:build !(js && wasm)

package examples

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// serveStream wants a token in the first message, or in the URL, and closes the
// connection when it has expired.
func (s *stage) serveStream(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	token, inURL := r.FormValue("token"), r.URL.Query().Has("token")
	if !inURL {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var first struct{ Token string }
		json.Unmarshal(text, &first)
		token = first.Token
	}
	user, generation := s.identify(token)
	if r.URL.Path == "/never" {
		generation = refused
	}
	s.mu.Lock()
	s.requests["stream"] = append(s.requests["stream"], generation)
	s.mu.Unlock()
	if generation >= 0 {
		conn.Write(ctx, websocket.MessageText, []byte("hello "+user))
		ctx := conn.CloseRead(ctx) // ends when the client has gone
		for generation >= 0 && ctx.Err() == nil {
			_, generation = s.identify(token)
			<-time.After(20 * time.Millisecond)
		}
	}
	conn.Close(4401, "unauthorized")
}

// serveBindingToken and serveNotifications do as Medplum's server does.
func (s *stage) serveBindingToken(w http.ResponseWriter, r *http.Request) {
	if user, ok := s.authorize(w, r, "binding"); ok {
		answer(w, map[string]any{"resourceType": "Parameters", "parameter": []map[string]string{
			{"name": "token", "valueString": user + " may read " + r.PathValue("id")},
			{"name": "expiration", "valueDateTime": time.Now().Add(time.Hour).Format(time.RFC3339)},
			{"name": "websocket-url", "valueUrl": strings.Replace(s.api, "https", "wss", 1) + "/ws/subscriptions-r4"},
		}})
	}
}

func (s *stage) serveNotifications(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	var bind struct {
		Type    string
		Payload struct{ Token string }
	}
	for bind.Type != "bind-with-token" {
		_, text, err := conn.Read(ctx)
		if err != nil || json.Unmarshal(text, &bind) != nil {
			return
		}
	}
	answer, _ := json.Marshal(map[string]any{"resourceType": "Bundle", "id": bind.Payload.Token, "entry": []any{map[string]any{
		"resource": map[string]any{"resourceType": "SubscriptionStatus", "type": "handshake", "subscription": map[string]string{"reference": "Subscription/7"}},
	}}})
	conn.Write(ctx, websocket.MessageText, answer)
	// It goes down once the client has heard of it.
	conn.Close(websocket.StatusGoingAway, "")
}

func TestWebSocketReconnectsWithThePresentToken(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	tabs := s.open("websocket", 2)
	tabs[0].signIn("alice", time.Hour)
	for _, tab := range tabs {
		tab.wait(`tab.events.includes("signedin")`) // a sign-in makes for another connection
		eval[any](tab, "tab.listen(), null")
	}
	for n := 1; n <= 3; n++ {
		for _, tab := range tabs {
			tab.wait(fmt.Sprintf("tab.heard.length >= %d", n))
		}
		if n < 3 {
			s.auth.Expire(s.grant)
		}
	}
	s.mustHaveRotated(2)
	accepted, denied := map[int]int{}, 0
	for _, generation := range s.seen()["stream"] {
		if generation == refused {
			denied++
		} else {
			accepted[generation]++
		}
	}
	// A connection whose token has expired is closed; then it is known to be no
	// good, and the next one has another.
	if denied > 0 || accepted[0] != 2 || accepted[1] != 2 || accepted[2] != 2 {
		t.Errorf("the server saw tokens of generations %v, %d refused; want each twice, and none refused", accepted, denied)
	}

	// Another user signs in, in one tab: the streams of both are theirs.
	tabs[1].signIn("bob", time.Hour)
	for _, tab := range tabs {
		tab.wait(`tab.heard.at(-1) === "hello bob"`)
	}
	eval[any](tabs[0], "tab.session.signOut(), null")
	for _, tab := range tabs {
		tab.wait(`tab.ended() === "signed_out"`)
	}
}

// With the token of the page's load in the URL, no reconnection is ever accepted.
func TestWebSocketPublishedPatternIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	tab := s.open("websocket-published", 1)[0]
	tab.signIn("alice", time.Hour)
	tab.wait("tab.session.signedIn")
	eval[any](tab, "tab.listen(), null")
	tab.wait("tab.heard.length === 1")
	s.auth.Expire(s.grant)
	tab.wait("tab.attempts() > 5")
	if n := eval[int](tab, "tab.heard.length"); n != 1 {
		t.Errorf("heard %d times: the control shows nothing", n)
	}
}

// A server that accepts no token is asked twice, with two tokens.
func TestWebSocketGivesUp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	tab := s.open("websocket", 1)[0]
	tab.signIn("alice", time.Hour)
	tab.wait(`tab.events.includes("signedin")`)
	eval[any](tab, `tab.listen("/never"), null`)
	tab.wait(`tab.ended() === "Refused"`)
	s.mustHaveRotated(1)
	if got := s.seen()["stream"]; !slices.Equal(got, []int{refused, refused}) {
		t.Errorf("the server saw %v, want two connections", got)
	}
}

func TestWebSocketOfASignedOutUserIsNotOpened(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	tab := s.open("websocket", 1)[0]
	eval[any](tab, "tab.listen(), null")
	tab.wait(`tab.ended() === "signed_out"`)
	if seen := s.seen(); len(seen) > 0 {
		t.Errorf("the server saw %v", seen)
	}
}

// Medplum's client opens its WebSocket by itself; the binding tokens come through
// session.fetch.
func TestMedplumSubscriptionIsBoundAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.jwt = true
	tab := s.open("medplum", 1)[0]
	tab.signIn("alice", time.Hour)
	tab.wait(`tab.profile() === "alice"`)
	eval[any](tab, "tab.subscribe(), null")
	tab.wait("tab.connected() >= 1")
	s.auth.Expire(s.grant)
	before := eval[int](tab, "tab.connected()")
	tab.wait(fmt.Sprintf("tab.connected() >= %d", before+2))
	s.mustHaveRotated(1)
}

func TestFHIRSubscriptionIsBoundAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	tab := s.open("websocket", 1)[0]
	tab.signIn("alice", time.Hour)
	tab.wait("tab.session.signedIn")
	eval[any](tab, "tab.subscribe(), null")
	tab.wait("tab.heard.length >= 1")
	s.auth.Expire(s.grant)
	before := eval[int](tab, "tab.heard.length")
	tab.wait(fmt.Sprintf("tab.heard.length >= %d", before+2))
	s.mustHaveRotated(1)
	if heard := eval[string](tab, "tab.heard.at(-1)"); !strings.Contains(heard, "alice may read 7") {
		t.Errorf("heard %s", heard)
	}
	refusals := 0
	for _, generation := range s.seen()["binding"] {
		if generation == refused {
			refusals++
		}
	}
	if refusals != 1 {
		t.Errorf("a binding token was refused %d times, want once", refusals)
	}
	eval[any](tab, "tab.abort(), null")
	tab.wait(`tab.ended() === "AbortError"`)
}
