package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// progress shows on a terminal how much has been read.
type progress struct {
	to   io.Writer // nil if it is no terminal
	read atomic.Int64
	size int64 // 0 if it is not known
	done chan struct{}
	wait sync.WaitGroup
}

func newProgress(to io.Writer) *progress {
	p := &progress{done: make(chan struct{})}
	if file, ok := to.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.to = to
		}
	}
	return p
}

// reader returns r, counted.
func (p *progress) reader(r io.Reader) io.Reader {
	if file, ok := r.(*os.File); ok && p.size >= 0 {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			p.size += info.Size()
			return counted{r, &p.read}
		}
	}
	p.size = -1
	return counted{r, &p.read}
}

type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}

func (p *progress) start() {
	if p.to == nil {
		return
	}
	p.wait.Go(func() {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-p.done:
				fmt.Fprint(p.to, "\r\x1b[K")
				return
			case <-ticker.C:
				fmt.Fprint(p.to, "\r"+p.bar()+"\x1b[K")
			}
		}
	})
}

func (p *progress) bar() string {
	const width = 30
	read := p.read.Load()
	if p.size <= 0 {
		return fmt.Sprintf("%d MB", read/1e6)
	}
	part := min(width, int(read*width/p.size))
	return fmt.Sprintf("[%s%s] %d of %d MB", strings.Repeat("#", part), strings.Repeat(" ", width-part), read/1e6, p.size/1e6)
}

func (p *progress) stop() {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	p.wait.Wait()
}
