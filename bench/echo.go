package bench

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/carom-ipc/carom"
)

// requestBytes is about what a dict's get of a key as above puts on the wire, and
// replyBytes what comes back.
const (
	requestBytes = 24
	replyBytes   = 16
)

// A bare echo is the least that a request and its reply can cost over a unix socket
// between two Go processes.
func init() {
	for _, many := range []int{1, 64} {
		add(inProcess(fmt.Sprintf("DictGet/impl=echo/procs=2/goroutines=%d", many), 0, func(e *Env) (func(int) error, error) {
			path, err := e.path("echo")
			if err != nil {
				return nil, err
			}
			g := carom.NewGroup(e.ctx, e.M)
			echoWorker.Go(g, path)
			conns := make([]net.Conn, many)
			for i := range conns {
				if conns[i], err = dialWhenUp(e.ctx, path); err != nil {
					return nil, err
				}
			}
			e.onClose(func() {
				for _, c := range conns {
					_ = c.Close()
				}
				_ = g.Wait()
			})
			if many == 1 {
				return func(n int) error { return bounce(conns[0], n) }, nil
			}
			return func(n int) error {
				next := make(chan net.Conn, many)
				for _, c := range conns {
					next <- c
				}
				return spread(many, n, func(n int) error { return bounce(<-next, n) })
			}, nil
		}))
	}
}

func bounce(c net.Conn, n int) error {
	request, reply := make([]byte, requestBytes), make([]byte, replyBytes)
	for range n {
		if _, err := c.Write(request); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, reply); err != nil {
			return err
		}
	}
	return nil
}

// echoWorker answers until its last client is gone.
var echoWorker = carom.NewWorker("bench.echo", func(ctx context.Context, path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	clients := make(chan int, 1)
	clients <- 0
	for {
		c, err := l.Accept()
		if err != nil {
			return nil //nolint:nilerr // closed: that is the end
		}
		clients <- <-clients + 1
		go func() {
			request, reply := make([]byte, requestBytes), make([]byte, replyBytes)
			for {
				if _, err := io.ReadFull(c, request); err != nil {
					break
				}
				if _, err := c.Write(reply); err != nil {
					break
				}
			}
			left := <-clients - 1
			clients <- left
			if left == 0 {
				_ = l.Close()
			}
		}()
	}
})
