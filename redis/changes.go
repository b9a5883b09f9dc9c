package redis

import (
	"sync"

	"github.com/redis/rueidis"
)

// changes tell those who listen to a key that it may have changed.
type changes struct {
	mu        sync.Mutex
	listeners map[string]map[*listener]bool // guarded by mu
}

type listener struct{ changed func() }

// listen has changed called, which must not block.
func (c *changes) listen(key string, changed func()) (stop func()) {
	added := &listener{changed}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listeners == nil {
		c.listeners = make(map[string]map[*listener]bool)
	}
	if c.listeners[key] == nil {
		c.listeners[key] = make(map[*listener]bool)
	}
	c.listeners[key][added] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.listeners[key], added)
		if len(c.listeners[key]) == 0 {
			delete(c.listeners, key)
		}
	}
}

// invalidated is called by the connection, with nil when that was lost: what
// happens until it is there again is not told.
func (c *changes) invalidated(messages []rueidis.RedisMessage) {
	var told []func()
	c.mu.Lock()
	tell := func(listeners map[*listener]bool) {
		for l := range listeners {
			told = append(told, l.changed)
		}
	}
	if messages == nil {
		for _, listeners := range c.listeners {
			tell(listeners)
		}
	}
	for _, m := range messages {
		if key, err := m.ToString(); err == nil {
			tell(c.listeners[key])
		}
	}
	c.mu.Unlock()
	for _, changed := range told {
		changed()
	}
}
