package bff

import (
	"crypto/rand"
	"maps"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
)

// loginName is that of the cookie which binds a login to the browser in which it
// began: https://www.rfc-editor.org/rfc/rfc6749#section-10.12.
const loginName = "login"

const loginLifetime = 10 * time.Minute

// A login is under way.
type login struct {
	verifier string
	began    time.Time
}

type pending struct {
	mu     sync.Mutex
	logins map[string]login // by state; guarded by mu
}

func (p *pending) add(state string, l login) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.logins, func(_ string, l login) bool { return time.Since(l.began) > loginLifetime })
	p.logins[state] = l
}

func (p *pending) take(state string) (login, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.logins[state]
	delete(p.logins, state)
	return l, ok && time.Since(l.began) <= loginLifetime
}

func (b *backend) serveSignIn(w http.ResponseWriter, r *http.Request) {
	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	b.add(state, login{verifier, time.Now()})
	setCookie(w, r, loginName, state, int(loginLifetime.Seconds()))
	c := config(server(r))
	c.RedirectURL = callback(r)
	http.Redirect(w, r, c.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), http.StatusSeeOther)
}

func (b *backend) serveCallback(w http.ResponseWriter, r *http.Request) {
	state := r.URL.Query().Get("state")
	cookie, err := r.Cookie(loginName)
	l, ok := b.take(state)
	if err != nil || cookie.Value != state || !ok {
		http.Error(w, "This is not the answer to a question of this browser.", http.StatusBadRequest)
		return
	}
	setCookie(w, r, loginName, "", -1)
	if code := r.URL.Query().Get("code"); code != "" {
		c := config(server(r))
		c.RedirectURL = callback(r)
		granted, err := c.Exchange(r.Context(), code, oauth2.VerifierOption(l.verifier))
		if err != nil {
			http.Error(w, "The code could not be redeemed.", http.StatusBadGateway)
			return
		}
		grant, _ := granted.Extra("grant").(string)
		b.sessions.begin(w, r, session{grant, onerefresh.Token{
			AccessToken: granted.AccessToken, RefreshToken: granted.RefreshToken, Received: time.Now(), Expiry: granted.Expiry,
		}})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func callback(r *http.Request) string {
	return "http://" + r.Host + "/bff/" + r.PathValue("session") + "/callback"
}
