//go:build !(js && wasm)

package servers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A kind is an authorization server, and the words in which it records what it
// does.
type kind struct {
	name     string
	provider string // the option of that name
	command  func() ([]string, error)

	rotated, refused, revoked string // events
	reused                    string // the error, for a refresh token that was used before
}

var kinds = []kind{
	{
		name:     "oidc-provider",
		provider: "generic",
		command:  func() ([]string, error) { return []string{"node", filepath.Join("oidc-provider", "server.js")}, nil },
		rotated:  "refresh_token.consumed",
		refused:  "grant.error",
		revoked:  "grant.revoked",
		reused:   "refresh token already used",
	},
	{
		name:     "fosite",
		provider: "hydra",
		command:  fosite,
		rotated:  "RotateRefreshToken",
		refused:  "WriteAccessError",
		revoked:  "RevokeRefreshToken",
		reused:   "The refresh token was already used.",
	},
}

// fosite builds that server, in a module of its own.
var fosite = sync.OnceValues(func() ([]string, error) {
	path := filepath.Join(temporary, "fosite")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = "fosite"
	out, err := build.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return []string{path}, err
})

// A record is something that an authorization server says it did.
type record struct {
	Event string `json:"event"`
	Grant string `json:"grant"`
	Error string `json:"error"`
}

// A process is an authorization server on the loopback interface.
type process struct {
	*testing.T
	kind
	url string
}

func startProcess(t *testing.T, k kind, issuer, redirectURI string) *process {
	t.Helper()
	command, err := k.command()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(command[0], append(command[1:], issuer, redirectURI)...)
	said := new(bytes.Buffer)
	cmd.Stderr = said
	stdin, err := cmd.StdinPipe() // which ends with this process, however that ends
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{T: t, kind: k}
	t.Cleanup(func() {
		if t.Failed() && p.url != "" {
			t.Logf("on record: %+v", p.records())
		}
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", k.name, said)
		}
	})
	address := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		address <- strings.TrimSpace(line)
	}()
	select {
	case p.url = <-address:
		if p.url == "" {
			t.Fatalf("%s has ended", k.name)
		}
	case <-time.After(patience):
		t.Fatalf("%s does not listen within %v", k.name, patience)
	}
	return p
}

func (p *process) records() (all []record) {
	p.Helper()
	response, err := http.Get(p.url + "/test/records")
	if err != nil {
		p.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		p.Fatal(err)
	}
	return all
}

// A tally is what the server has on record: refresh tokens that it rotated,
// requests that it refused, those of them for reuse, and revocations of a grant.
type tally struct{ rotated, refused, reused, revoked int }

func (p *process) tally() (n tally) {
	p.Helper()
	for _, r := range p.records() {
		switch r.Event {
		case p.rotated:
			n.rotated++
		case p.refused:
			n.refused++
			if strings.Contains(r.Error, p.reused) {
				n.reused++
			}
		case p.revoked:
			n.revoked++
		}
	}
	return n
}

// expire ends all access tokens.
func (p *process) expire() {
	p.Helper()
	response, err := http.Post(p.url+"/test/expire", "", nil)
	if err != nil {
		p.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		p.Fatal(response.Status)
	}
}
