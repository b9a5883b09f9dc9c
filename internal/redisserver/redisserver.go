//go:build !(js && wasm)

// Package redisserver starts Redis, or Valkey, for tests. It installs nothing:
// `make redis` does.
package redisserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A Server is a process on the loopback interface. It is not safe for concurrent
// use.
type Server struct {
	// Addr is its host and port, which stay the same.
	Addr string

	executable string
	settings   []string
	cmd        *exec.Cmd
	exited     chan struct{}
	said       *bytes.Buffer
}

// Persistence is what of its data a server finds when it is started again.
type Persistence []string

var (
	Nothing     = Persistence{"--save", "", "--appendonly", "no"}
	EverySecond = Persistence{"--save", "", "--appendonly", "yes", "--appendfsync", "everysec"}
	Always      = Persistence{"--save", "", "--appendonly", "yes", "--appendfsync", "always"}
)

// Start starts a server that keeps its data in the folder dir.
func Start(dir string, keeps Persistence) (*Server, error) {
	executable, err := find()
	if err != nil {
		return nil, err
	}
	for range 5 { // somebody else may take the port
		var port string
		if port, err = freePort(); err != nil {
			return nil, err
		}
		s := &Server{
			Addr:       net.JoinHostPort("127.0.0.1", port),
			executable: executable,
			settings:   append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", dir}, keeps...),
		}
		if err = s.Restart(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func find() (string, error) {
	for _, name := range []string{os.Getenv("REDIS_SERVER"), "redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path, nil
		}
	}
	return "", errors.New("no redis-server was found; `make redis` installs one, or says how")
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// Restart starts the server again after Kill.
func (s *Server) Restart() error {
	s.said = new(bytes.Buffer)
	s.cmd = exec.Command(s.executable, s.settings...)
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.exited = make(chan struct{})
	go func() {
		s.cmd.Wait()
		close(s.exited)
	}()
	for deadline := time.Now().Add(30 * time.Second); !s.ready(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-s.exited:
			return fmt.Errorf("redis-server has ended: %s", s.said)
		default:
		}
		if time.Now().After(deadline) {
			s.Kill()
			return fmt.Errorf("redis-server does not answer: %s", s.said)
		}
	}
	return nil
}

// ready reports whether the server has loaded its data.
func (s *Server) ready() bool {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(conn, "PING\r\n")
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.HasPrefix(line, "+PONG")
}

// Kill ends the server without giving it time for anything.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.exited
}
