//go:build !(js && wasm)

package redis_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"github.com/redis/rueidis"
	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/endpoint"
	"github.com/onerefresh/onerefresh/internal/redisserver"
	"github.com/onerefresh/onerefresh/redis"
	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// What a server of the fleet is told, in its environment.
const (
	fleetRedis         = "FLEET_REDIS"
	fleetAuthorization = "FLEET_AUTHORIZATION_SERVER"
	fleetKey           = "FLEET_SEALING_KEY" // from your secrets
)

// connect returns what opens the session of a user.
func connect() (open func(user string) (*onerefresh.Session, error), err error) {
	key, err := hex.DecodeString(os.Getenv(fleetKey))
	if err != nil {
		return nil, err
	}
	client, err := redis.Open(redis.Options{
		Redis: rueidis.ClientOption{InitAddress: []string{os.Getenv(fleetRedis)}},
		Keys:  [][]byte{key},
	})
	if err != nil {
		return nil, err
	}
	config := &oauth2.Config{ClientID: "demo", Endpoint: oauth2.Endpoint{
		TokenURL: os.Getenv(fleetAuthorization) + "/token", AuthStyle: oauth2.AuthStyleInParams,
	}}
	return func(user string) (*onerefresh.Session, error) {
		return onerefresh.Open(onerefresh.Options{
			Name:      user,
			Store:     client.Store(user),
			Locker:    client.Locker(),
			Refresher: endpoint.Refresher(config, nil),
		})
	}, nil
}

// serve is one server of the fleet: it answers with what the API says to the
// user. Who that is a real one knows from a cookie.
func serve() error {
	open, err := connect()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := open(r.URL.Query().Get("user"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer session.Close()
		response, err := endpoint.Client(session, nil).Get(os.Getenv(fleetAuthorization) + "/resource")
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer response.Body.Close()
		w.WriteHeader(response.StatusCode)
		io.Copy(w, response.Body)
	}))
}

// A fleet of two processes, which know nothing of each other but where Redis is.
// Twenty requests of one user arrive when the access token is stale, at one or
// the other.
func Example_fleet() {
	dir, err := os.MkdirTemp("", "redis")
	check(err)
	defer os.RemoveAll(dir)
	data, err := redisserver.Start(dir, redisserver.Nothing)
	check(err)
	defer data.Kill()
	auth := authserver.New(authserver.Settings{})
	defer auth.Close()
	web := httptest.NewServer(auth)
	defer web.Close()
	for name, value := range map[string]string{
		fleetRedis:         data.Addr,
		fleetAuthorization: web.URL,
		fleetKey:           "6f6e65726566726573686f6e65726566726573686f6e65726566726573686f6e",
	} {
		check(os.Setenv(name, value))
		defer os.Unsetenv(name)
	}

	// What the server that is called back after the login does.
	open, err := connect()
	check(err)
	session, err := open("ada")
	check(err)
	granted := auth.OpenGrant("ada", 0) // stale from the start
	check(session.SignIn(context.Background(), onerefresh.Response{AccessToken: granted.AccessToken, RefreshToken: granted.RefreshToken}))
	session.Close()

	var addresses []string
	for range 2 {
		process := exec.Command(os.Args[0]) // whose main calls serve
		said, err := process.StdoutPipe()
		check(err)
		check(process.Start())
		defer process.Wait()
		defer process.Process.Kill()
		line, err := bufio.NewReader(said).ReadString('\n')
		check(err)
		addresses = append(addresses, strings.TrimSpace(line))
	}
	statuses := make(chan string)
	for i := range 20 {
		go func() {
			response, err := http.Get("http://" + addresses[i%2] + "/?user=ada")
			check(err)
			response.Body.Close()
			statuses <- response.Status
		}()
	}
	count := make(map[string]int)
	for range 20 {
		count[<-statuses]++
	}
	ledger, _ := auth.Ledger(granted.Grant)
	fmt.Println(count, "with", len(ledger.Presentations), "exchange")
	// Output:
	// map[200 OK:20] with 1 exchange
}
