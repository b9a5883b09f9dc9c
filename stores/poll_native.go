//go:build !(js && wasm)

package stores

import (
	"sync"
	"time"
)

// A poll tells watchers of what it finds when it looks, again and again, as
// long as there are any.
type poll struct {
	watchers watchers
	look     func() any // returns something that differs after a change

	mu      sync.Mutex
	count   int           // of the watchers; guarded by mu
	arrived chan struct{} // of the goroutine that looks, while there is one; guarded by mu
}

const (
	shortestInterval = 5 * time.Millisecond
	longestInterval  = 500 * time.Millisecond
)

func (p *poll) notify() { p.watchers.notify() }

func (p *poll) watch(changed func()) (stop func()) {
	remove := p.watchers.add(changed)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count++; p.count == 1 {
		p.arrived = make(chan struct{}, 1)
		go p.run(p.look(), p.arrived)
	}
	select {
	case p.arrived <- struct{}{}:
	default:
	}
	return sync.OnceFunc(func() {
		remove()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.count--; p.count == 0 {
			close(p.arrived)
		}
	})
}

// run looks often while somebody has just begun to wait, or something has just
// happened.
func (p *poll) run(last any, arrived <-chan struct{}) {
	timer := time.NewTimer(shortestInterval)
	defer timer.Stop()
	for interval := shortestInterval; ; {
		select {
		case _, ok := <-arrived:
			if !ok {
				return
			}
			interval = shortestInterval
		case <-timer.C:
			interval = min(interval+interval/8, longestInterval)
			if now := p.look(); now != last {
				last = now
				interval = shortestInterval
				p.watchers.notify()
			}
		}
		timer.Reset(interval)
	}
}
