//go:build !(js && wasm)

package keychain_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

// address is where a D-Bus is found. Child processes get it, too.
const address = "DBUS_SESSION_BUS_ADDRESS"

// startService starts a D-Bus of our own with GNOME Keyring on it, in a folder
// of its own: nothing of it is the keychain of whoever runs the tests. It
// returns when that keeps secrets.
func startService(dir string) (end func(), err error) {
	var running []*exec.Cmd
	end = func() {
		for _, cmd := range running {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	defer func() {
		if err != nil {
			end()
			err = fmt.Errorf("%w; `make keyring` installs GNOME Keyring, or says how", err)
		}
	}()
	environment := os.Environ()
	for _, name := range []string{"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"} {
		environment = append(environment, name+"="+dir)
	}
	// With --nofork the daemon ends with the test, and no other can be started by it.
	config := filepath.Join(dir, "bus.conf")
	err = os.WriteFile(config, []byte(`<busconfig><type>session</type><listen>unix:dir=`+dir+`</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`), 0o600)
	if err != nil {
		return end, err
	}
	bus := exec.Command("dbus-daemon", "--config-file="+config, "--nofork", "--print-address")
	bus.Env = environment
	said, err := bus.StdoutPipe()
	if err != nil {
		return end, err
	}
	if err := bus.Start(); err != nil {
		return end, err
	}
	running = append(running, bus)
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		return end, err
	}
	line = strings.TrimSpace(line)
	if err := os.Setenv(address, line); err != nil {
		return end, err
	}

	service := exec.Command("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	service.Env = append(environment, address+"="+line)
	service.Stdin = strings.NewReader("password")
	if err := service.Start(); err != nil {
		return end, err
	}
	running = append(running, service)
	// A call that waits for somebody to unlock the keyring would wait for good.
	works := make(chan struct{})
	go func() {
		defer close(works)
		for keyring.Set("probe", "probe", "works") != nil {
			<-time.After(10 * time.Millisecond)
		}
	}()
	select {
	case <-works:
		return end, nil
	case <-time.After(time.Minute):
		return end, errors.New("GNOME Keyring keeps no secret")
	}
}

func TestMain(m *testing.M) {
	if path := os.Getenv(envFile); path != "" {
		if err := work(path); err != nil {
			fmt.Println(err) // for the parent
			os.Exit(3)
		}
		return
	}
	os.Exit(run(m))
}

// errService is nil where there is a Secret Service.
var errService = errors.New("the keychain of " + runtime.GOOS + " is left alone")

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "keychain")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if runtime.GOOS == "linux" {
		var end func()
		if end, errService = startService(dir); errService == nil {
			defer end()
		}
	}
	return m.Run()
}

// needService fails without a Secret Service where there has to be one.
func needService(t *testing.T) {
	t.Helper()
	if errService != nil && runtime.GOOS != "linux" {
		t.Skip(errService)
	}
	if errService != nil {
		t.Fatal(errService)
	}
}
