package coord

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy stands between clients and a coordinator. What becomes of each
// connection, in the order of their arrival, plan says.
type proxy struct {
	target string
	l      net.Listener
	plan   func(n int) fault

	mu    sync.Mutex
	open  map[net.Conn]bool
	done  bool
	count int
	tasks sync.WaitGroup

	up, down atomic.Int64 // bytes that have passed
}

// fault is what happens to a connection. The zero value is: nothing.
type fault struct {
	up, down *tap
	pause    func() time.Duration // before each piece that is passed on; nil: none
}

// tap is what happens in one direction after some bytes.
type tap struct {
	after int
	what  action
	open  chan struct{} // for hold: closed when it is over
}

type action int

const (
	cut     action = iota // both directions end
	swallow               // the rest is taken and goes nowhere
	hold                  // the rest is delivered later, whether or not its sender is still there
)

func cutAfter(n int) *tap { return &tap{after: n} }

// startProxy returns a proxy to the coordinator at the unix socket target.
func startProxy(t testing.TB, target string, plan func(n int) fault) *proxy {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "p"))
	require.NoError(t, err)
	p := &proxy{target: target, l: l, plan: plan, open: map[net.Conn]bool{}}
	p.tasks.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) addr() string { return p.l.Addr().String() }

func (p *proxy) close() {
	p.l.Close()
	p.mu.Lock()
	p.done = true
	p.mu.Unlock()
	p.cutAll()
	p.tasks.Wait()
}

// cutAll ends the connections that there are.
func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		conn.Close()
	}
}

func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

func (p *proxy) serve() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.target)
		if err != nil { // as the coordinator would have refused
			client.Close()
			continue
		}
		p.mu.Lock()
		n := p.count
		p.count++
		p.open[client], p.open[server] = true, true
		if p.done {
			client.Close()
			server.Close()
		}
		p.mu.Unlock()
		f := p.plan(n)
		p.tasks.Go(func() { p.carry(client, server, f.up, f.pause, &p.up) })
		p.tasks.Go(func() { p.carry(server, client, f.down, f.pause, &p.down) })
	}
}

// carry passes on what comes from one side until that ends, and then ends the
// other.
func (p *proxy) carry(from, to net.Conn, t *tap, pause func() time.Duration, passed *atomic.Int64) {
	defer func() {
		from.Close()
		to.Close()
		p.mu.Lock()
		delete(p.open, from)
		delete(p.open, to)
		p.mu.Unlock()
	}()
	src := io.Reader(from)
	if t != nil {
		src = io.LimitReader(from, int64(t.after))
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if pause != nil {
				time.Sleep(pause())
			}
			passed.Add(int64(n))
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			break
		}
	}
	switch {
	case t == nil || t.what == cut:
	case t.what == swallow:
		io.Copy(io.Discard, from)
	case t.what == hold:
		rest, _ := io.ReadAll(from)
		<-t.open
		to.Write(rest)
		io.Copy(io.Discard, to) // until the other end has had enough of it
	}
}

// faultless is a plan in which only some connections have a fault.
func faultless(faults ...fault) func(int) fault {
	return func(n int) fault {
		if n < len(faults) {
			return faults[n]
		}
		return fault{}
	}
}
