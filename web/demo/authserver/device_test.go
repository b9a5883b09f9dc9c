package authserver_test

import (
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

func TestDeviceGrant(t *testing.T) {
	for _, user := range []string{"alice", ""} {
		_, c := start(t, authserver.Settings{})
		c.Endpoint.DeviceAuthURL = endpoint(c, "/device_authorization")
		device, err := c.DeviceAuth(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		redeem := func() (*oauth2.Token, error) {
			// One try, unlike DeviceAccessToken.
			return c.Exchange(t.Context(), "", oauth2.SetAuthURLParam("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
				oauth2.SetAuthURLParam("device_code", device.DeviceCode))
		}
		if _, err := redeem(); refusalOf(err) != "authorization_pending" {
			t.Errorf("before the login: %v", err)
		}
		login := func(code string) int {
			response, err := http.PostForm(device.VerificationURI, url.Values{"user_code": {code}, "username": {user}})
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			return response.StatusCode
		}
		if status := login("WRONG"); status != http.StatusNotFound {
			t.Errorf("a wrong user code: %d", status)
		}
		if status := login(device.UserCode); status != http.StatusNoContent {
			t.Errorf("login: %d", status)
		}
		if status := login(device.UserCode); status != http.StatusNotFound {
			t.Errorf("a second login: %d", status)
		}
		if user == "" {
			if _, err := redeem(); refusalOf(err) != "access_denied" {
				t.Errorf("after a refusal: %v", err)
			}
			continue
		}
		token, err := c.DeviceAccessToken(t.Context(), device)
		if err != nil {
			t.Fatal(err)
		}
		if response := resource(t, c, token.AccessToken); response.StatusCode != http.StatusOK {
			t.Errorf("the resource answers %s", response.Status)
		}
		if _, err := redeem(); refusalOf(err) != "invalid_grant" {
			t.Errorf("a second time: %v", err)
		}
	}
}
