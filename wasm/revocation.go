//go:build js && wasm

package main

import (
	"context"

	"github.com/onerefresh/onerefresh"
)

// A revocation is a revocation endpoint.
// See https://www.rfc-editor.org/rfc/rfc7009#section-2.1.
type revocation struct {
	url      string
	clientID string
}

func (r revocation) Revoke(ctx context.Context, refreshToken string) error {
	a, err := post(ctx, r.url, []field{
		{"token", refreshToken},
		{"token_type_hint", "refresh_token"},
		{"client_id", r.clientID},
	})
	if err == nil && a.status/100 != 2 {
		err = &onerefresh.RefreshError{Status: a.status}
	}
	return err
}
