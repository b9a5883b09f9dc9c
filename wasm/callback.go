//go:build js && wasm

package main

import (
	"context"
	"errors"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
)

// A callback is the option refresh: a function of the page.
type callback struct{ refresh jsbridge.Value }

// Refresh calls the function even without a refresh token: the page may well
// have another way, such as a cookie.
func (c callback) Refresh(ctx context.Context, refreshToken string) (onerefresh.Response, error) {
	late, stop := outlive(ctx)
	defer stop()
	signal, detach := jsbridge.Signal(late)
	defer detach()
	pending, err := c.refresh.Invoke(refreshToken, map[string]any{"signal": signal})
	if err != nil {
		return onerefresh.Response{}, refusal(err)
	}
	v, err := jsbridge.Await(late, pending)
	if err != nil {
		return onerefresh.Response{}, refusal(err)
	}
	r, err := tokenResponse(v)
	if r.AccessToken == "" {
		if code, description := errorMembers(v); code != "" {
			return onerefresh.Response{}, &onerefresh.RefreshError{Code: code, Description: description}
		}
	}
	return r, err
}

// refusal returns a RefreshError for what was thrown if it tells what the
// token endpoint said, as the ResponseBodyError of oauth4webapi does. If not,
// nobody knows what became of the refresh token, and err stays as it is.
func refusal(err error) error {
	thrown, ok := errors.AsType[*jsbridge.Exception](err)
	if !ok {
		return err
	}
	code, description := errorMembers(thrown.Value)
	status := numberMember(thrown.Value, "status")
	if code == "" && status == 0 {
		return err
	}
	return &onerefresh.RefreshError{Status: int(status), Code: code, Description: description}
}
