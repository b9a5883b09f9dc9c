//go:build !(js && wasm)

package redis_test

import (
	"net"
	"sync"
	"testing"
)

// A proxy is a network between a client and Redis.
type proxy struct {
	Addr string
	to   string

	mu       sync.Mutex
	passing  chan struct{} // closed while bytes pass
	answers  chan struct{} // closed while answers pass
	listener net.Listener
	conns    map[net.Conn]bool
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Addr: l.Addr().String(), to: to, listener: l, passing: closed(), answers: closed(), conns: make(map[net.Conn]bool)}
	go p.serve()
	t.Cleanup(func() {
		l.Close()
		p.heal()
		p.cut()
	})
	return p
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		go p.pipe(server, client, false)
		go p.pipe(client, server, true)
	}
}

func (p *proxy) pipe(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		gates := []chan struct{}{p.passing}
		if answers {
			gates = append(gates, p.answers)
		}
		p.mu.Unlock()
		for _, gate := range gates {
			<-gate
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// stall keeps all bytes back, without a word: what was sent arrives after heal.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passing = make(chan struct{})
}

// deafen keeps back what Redis says.
func (p *proxy) deafen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = make(chan struct{})
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, gate := range []*chan struct{}{&p.passing, &p.answers} {
		select {
		case <-*gate:
		default:
			close(*gate)
		}
	}
}

// cut ends all connections. What was kept back is lost.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
		delete(p.conns, conn)
	}
}
