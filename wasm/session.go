//go:build js && wasm

package main

import (
	"context"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// open returns the handle of a new session. The loader has checked the types
// of what config holds.
func open(v jsbridge.Value) (any, error) {
	opts, err := config{v}.options()
	if err != nil {
		return nil, err
	}
	s, err := onerefresh.Open(opts)
	if err != nil {
		return nil, err
	}

	var methods []jsbridge.Func
	handle := make(map[string]any)
	set := func(name string, m jsbridge.Func) {
		methods = append(methods, m)
		handle[name] = m
	}
	set("token", jsbridge.AsyncFuncOf(func([]jsbridge.Value) (any, error) {
		return accessToken(s.Token(context.Background())) // the loader deals with callers who give up
	}))
	set("refresh", jsbridge.AsyncFuncOf(func(args []jsbridge.Value) (any, error) {
		rejected, _ := args[0].Text()
		return accessToken(s.Refresh(context.Background(), rejected))
	}))
	set("signIn", jsbridge.AsyncFuncOf(func(args []jsbridge.Value) (any, error) {
		r, err := opts.Provider.Complete(tokenResponse(args[0]))
		if err != nil {
			return nil, &onerefresh.Error{Code: onerefresh.CodeInvalidOptions, Message: err.Error(), Cause: err}
		}
		return nil, s.SignIn(context.Background(), r)
	}))
	set("signOut", jsbridge.AsyncFuncOf(func([]jsbridge.Value) (any, error) {
		return nil, s.SignOut(context.Background())
	}))
	// In a goroutine, as a function value that waits would make TinyGo take all of
	// its type for such.
	rehearsal := time.AfterFunc(idleAfter, func() { go rehearse(&opts) })
	set("close", jsbridge.FuncOf(func([]jsbridge.Value) any {
		rehearsal.Stop()
		s.Close()
		for _, m := range methods {
			m.Release()
		}
		return nil
	}))
	return handle, nil
}

func accessToken(t onerefresh.Token, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return t.AccessToken, nil
}
