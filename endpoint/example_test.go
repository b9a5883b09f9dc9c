package endpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// run is the program: it signs in on first use, and otherwise goes on with the
// credentials that it, or another process of it, has left.
func run(ctx context.Context, config *oauth2.Config, folder, api string, tell func(*oauth2.DeviceAuthResponse)) (user, grant string, err error) {
	store, err := stores.File(filepath.Join(folder, "credentials.json"))
	if err != nil {
		return "", "", err
	}
	locker, err := locks.File(folder)
	if err != nil {
		return "", "", err
	}
	session, err := onerefresh.Open(onerefresh.Options{
		Name:      config.ClientID,
		Store:     store,
		Locker:    locker,
		Refresher: endpoint.Refresher(config, nil),
	})
	if err != nil {
		return "", "", err
	}
	defer session.Close()

	// This line was: client := config.Client(ctx, token)
	client := endpoint.Client(session, nil)

	response, err := client.Get(api)
	if errors.Is(err, onerefresh.ErrSignedOut) || errors.Is(err, onerefresh.ErrSessionEnded) {
		if err := login(ctx, config, session, tell); err != nil {
			return "", "", err
		}
		response, err = client.Get(api)
	}
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	var answer struct{ User, Grant string }
	err = json.NewDecoder(response.Body).Decode(&answer)
	return answer.User, answer.Grant, err
}

// login is https://www.rfc-editor.org/rfc/rfc8628: the user signs in by another
// device.
func login(ctx context.Context, config *oauth2.Config, session *onerefresh.Session, tell func(*oauth2.DeviceAuthResponse)) error {
	device, err := config.DeviceAuth(ctx)
	if err != nil {
		return err
	}
	tell(device)
	token, err := config.DeviceAccessToken(ctx, device)
	if err != nil {
		return err
	}
	response, err := endpoint.Response(token)
	if err != nil {
		return err
	}
	return session.SignIn(ctx, response)
}

// A command-line tool that is run again and again, by the user and by scripts:
// the refresh token rotates with each run, and is in the file when the run
// ends.
func Example_commandLine() {
	server := authserver.New(authserver.Settings{})
	web := httptest.NewServer(server)
	defer web.Close()
	config := &oauth2.Config{ClientID: "demo", Endpoint: oauth2.Endpoint{
		DeviceAuthURL: web.URL + "/device_authorization",
		TokenURL:      web.URL + "/token",
		AuthStyle:     oauth2.AuthStyleInParams,
	}}
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)

	person := func(device *oauth2.DeviceAuthResponse) {
		fmt.Println("Open the page, and enter the code.")
		http.PostForm(device.VerificationURI, url.Values{"user_code": {device.UserCode}, "username": {"alice"}})
	}
	for range 3 {
		name, grant, err := run(context.Background(), config, filepath.Join(folder, "tool"), web.URL+"/resource", person)
		fmt.Println(name, err)
		server.Expire(grant) // the next run finds out by a 401
	}
	fmt.Println(server.Totals().Outcomes[authserver.OutcomeRotated], "exchanges,", server.Totals().Outcomes[authserver.OutcomeReuse], "reuses")
	// Output:
	// Open the page, and enter the code.
	// alice <nil>
	// alice <nil>
	// alice <nil>
	// 2 exchanges, 0 reuses
}
