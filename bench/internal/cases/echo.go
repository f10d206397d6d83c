package cases

import (
	"context"
	"io"
	"net"

	"github.com/carom-ipc/carom"
)

// frames are what calls put on the wire, request and reply, in bytes.
var frames = map[string][2]int{"Get": {31, 14}, "Set": {34, 12}}

// A bare echo is the least that a request and its reply of so many bytes can cost over a
// unix socket between two Go processes: one goroutine a connection on either side.
func init() {
	for op := range frames {
		for _, c := range Crowds {
			Add(Case{Name: "Dict" + op + "/impl=echo/" + CrowdName(c), Open: func(e *Env) (Run, error) {
				path, err := e.Path("echo")
				if err != nil {
					return nil, err
				}
				return e.Clients(c, Party{Role: "echo client", Op: op, Object: path},
					Party{Role: "echo server", Op: op, Object: path})
			}})
		}
	}
	Roles["echo client"] = func(ctx context.Context, _ *carom.Manager, p Party) (Share, error) {
		conns := make([]net.Conn, p.Many)
		for i := range conns {
			var err error
			if conns[i], err = dialWhenUp(ctx, p.Object); err != nil {
				return nil, err
			}
		}
		return Calling(p, func(goroutine int) Call {
			c := conns[goroutine]
			request, reply := make([]byte, frames[p.Op][0]), make([]byte, frames[p.Op][1])
			return func(context.Context, int) error {
				if _, err := c.Write(request); err != nil {
					return err
				}
				_, err := io.ReadFull(c, reply)
				return err
			}
		}), nil
	}
	Roles["echo server"] = func(ctx context.Context, _ *carom.Manager, p Party) (Share, error) {
		return aside, listen(ctx, p.Object, func(c net.Conn) { answer(c, p.Op) })
	}
}

// listen serves each connection on a goroutine of its own, until ctx ends.
func listen(ctx context.Context, path string, serve func(net.Conn)) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return nil
}

func answer(c net.Conn, op string) {
	request, reply := make([]byte, frames[op][0]), make([]byte, frames[op][1])
	for {
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		if _, err := c.Write(reply); err != nil {
			return
		}
	}
}
