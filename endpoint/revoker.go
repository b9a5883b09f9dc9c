package endpoint

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
)

// Revoker returns a revoker that tells the revocation endpoint at address of
// refresh tokens, as the client of config. client is as for [Refresher].
//
// Where the auth style is [oauth2.AuthStyleAutoDetect], a client with a secret
// authenticates by the Authorization header, and one without names itself in
// the form. See https://www.rfc-editor.org/rfc/rfc7009#section-2.1.
func Revoker(address string, config *oauth2.Config, client *http.Client) onerefresh.Revoker {
	return revoker{address, config, client}
}

type revoker struct {
	address string
	config  *oauth2.Config
	client  *http.Client
}

func (r revoker) Revoke(ctx context.Context, refreshToken string) error {
	c := r.config
	inHeader := c.Endpoint.AuthStyle == oauth2.AuthStyleInHeader ||
		c.Endpoint.AuthStyle == oauth2.AuthStyleAutoDetect && c.ClientSecret != ""
	form := url.Values{"token": {refreshToken}, "token_type_hint": {"refresh_token"}}
	if !inHeader {
		form.Set("client_id", c.ClientID)
		if c.ClientSecret != "" {
			form.Set("client_secret", c.ClientSecret)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	if inHeader {
		// https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
		request.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(c.ClientSecret))
	}
	response, err := withoutRedirects(r.client).Do(request)
	if err != nil {
		return err
	}
	a, err := readAnswer(response)
	if err != nil {
		return err
	}
	if a.status/100 != 2 {
		members := a.members()
		return &onerefresh.RefreshError{Status: a.status, Code: textMember(members, "error"), Description: textMember(members, "error_description")}
	}
	return nil
}
