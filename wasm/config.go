//go:build js && wasm

package main

import (
	"errors"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

var tab = locks.Tab() // for all sessions of the page

// A config is what the loader makes of the options of the JavaScript API.
type config struct{ jsbridge.Value }

func (c config) options() (onerefresh.Options, error) {
	store, err := c.store()
	if err != nil {
		return onerefresh.Options{}, &onerefresh.Error{Code: onerefresh.CodeMisconfigured, Message: err.Error(), Cause: err}
	}
	opts := onerefresh.Options{
		Name:            textMember(c.Value, "name"),
		Store:           c.since(store),
		Provider:        onerefresh.Provider(textMember(c.Value, "provider")),
		Clock:           jsbridge.Clock{},
		ExpiryMargin:    c.duration("expiryMargin", time.Second),
		ExchangeTimeout: c.duration("exchangeTimeout", time.Millisecond),
		LockTimeout:     c.duration("lockTimeout", time.Millisecond),
	}
	if textMember(c.Value, "coordination") == "web-locks" {
		if opts.Locker, err = locks.Web(); err != nil {
			return opts, err
		}
	} else {
		opts.Locker = tab
	}
	if opts.ExpiryMargin == 0 && c.has("expiryMargin") {
		opts.ExpiryMargin = -1 // none; 0 is the default
	}
	clientID := textMember(c.Value, "clientId")
	if url := textMember(c.Value, "tokenEndpoint"); url != "" {
		opts.Refresher = endpoint{url, clientID, textMember(c.Value, "scope")}
	} else {
		refresh, err := c.Get("refresh")
		if err != nil {
			return opts, err
		}
		opts.Refresher = callback{refresh}
	}
	if url := textMember(c.Value, "revocationEndpoint"); url != "" {
		opts.Revoker = revocation{url, clientID}
	}
	emit, err := c.Get("emit")
	if err != nil {
		return opts, err
	}
	opts.OnEvent = func(e onerefresh.Event) { emit.Invoke(string(e.Kind), detail(e)) }
	return opts, nil
}

func (c config) store() (*stores.LocalStorageStore, error) {
	key := textMember(c.Value, "storageKey")
	if !c.has("format") {
		return stores.LocalStorage(key)
	}
	v, err := c.Get("format")
	if err != nil {
		return nil, err
	}
	return stores.LocalStorageIn(key, format{v, key})
}

func (c config) since(store *stores.LocalStorageStore) onerefresh.Store {
	s := &since{LocalStorageStore: store}
	seen, _ := c.Get("seen")
	n, _ := seen.Len()
	for i := range n {
		v, _ := seen.Index(i)
		text, _ := v.Text()
		rec, _ := store.Decode(text) // what cannot be read was nobody's session
		if c.has("format") {
			// Whose sign-in it was, a format does not say. A record that this package
			// wrote since then is more likely to be a refresh of it than another one.
			if now, err := store.Peek(); err == nil && (now.Writer != "" || now.Token.RefreshToken == rec.Token.RefreshToken) {
				rec.Epoch, rec.Token.Received = now.Epoch, now.Token.Received
			}
		}
		s.seen = append(s.seen, rec)
	}
	return s
}

func (c config) has(name string) bool {
	v, err := c.Get(name)
	return err == nil && !v.IsUndefined()
}

func (c config) duration(name string, unit time.Duration) time.Duration {
	return duration(numberMember(c.Value, name), unit)
}

// detail returns what the listeners of e get to see.
func detail(e onerefresh.Event) map[string]any {
	d := map[string]any{"generation": e.Generation}
	if failure, ok := errors.AsType[*onerefresh.Error](e.Err); ok {
		d["code"] = string(failure.Code)
	}
	return d
}
