package bench

import (
	"bufio"
	"context"
	"io"
	"net"

	"github.com/carom-ipc/carom"
)

// Streams are what programs use between processes where they have no queue: fixed-size
// messages, one write each, read through a buffer.
func init() {
	for _, size := range []int{64, 1 << 10, 64 << 10, 1 << 20} {
		add(Case{Name: "Queue/impl=unix/procs=2/size=" + sizeName(size), Bytes: size, Open: func(e *Env) (Run, error) {
			path, err := e.path("stream")
			if err != nil {
				return nil, err
			}
			return e.cast(placed(
				party{Role: "unix put", Object: path, Size: size},
				party{Role: "unix get", Object: path, Size: size})...)
		}})
	}
	add(Case{Name: "QueueRoundTrip/impl=unix/procs=2/size=64B", Open: func(e *Env) (Run, error) {
		path, err := e.path("stream")
		if err != nil {
			return nil, err
		}
		return e.cast(placed(
			party{Role: "unix ping", Object: path, Size: 64},
			party{Role: "unix pong", Object: path, Size: 64})...)
	}})
	roles["unix put"] = func(ctx context.Context, _ *carom.Manager, p party) (share, error) {
		c, err := dialWhenUp(ctx, p.Object)
		return writes(c, p.Size), err
	}
	roles["unix get"] = func(_ context.Context, _ *carom.Manager, p party) (share, error) {
		c, err := acceptOne(p.Object)
		return reads(c, p.Size), err
	}
	roles["unix ping"] = func(ctx context.Context, _ *carom.Manager, p party) (share, error) {
		c, err := dialWhenUp(ctx, p.Object)
		buf := make([]byte, p.Size)
		return func(_ context.Context, n int) (finished, error) {
			t := timing(n)
			for range n {
				if _, err := c.Write(buf); err != nil {
					return finished{}, err
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					return finished{}, err
				}
				t.lap()
			}
			return t.finished(), nil
		}, err
	}
	roles["unix pong"] = func(_ context.Context, _ *carom.Manager, p party) (share, error) {
		c, err := acceptOne(p.Object)
		buf := make([]byte, p.Size)
		return func(_ context.Context, n int) (finished, error) {
			for range n {
				if _, err := io.ReadFull(c, buf); err != nil {
					return finished{}, err
				}
				if _, err := c.Write(buf); err != nil {
					return finished{}, err
				}
			}
			return finished{}, nil
		}, err
	}
}

func writes(w io.Writer, size int) share {
	buf := make([]byte, size)
	return func(_ context.Context, n int) (finished, error) {
		for range n {
			if _, err := w.Write(buf); err != nil {
				return finished{}, err
			}
		}
		return finished{}, nil
	}
}

func reads(from io.Reader, size int) share {
	r := bufio.NewReaderSize(from, 64<<10)
	buf := make([]byte, size)
	return func(_ context.Context, n int) (finished, error) {
		for range n {
			if _, err := io.ReadFull(r, buf); err != nil {
				return finished{}, err
			}
		}
		return finished{}, nil
	}
}

// acceptOne listens for one connection.
func acceptOne(path string) (net.Conn, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.Accept()
}

// dialWhenUp tries until the other party listens.
func dialWhenUp(ctx context.Context, path string) (net.Conn, error) {
	for {
		c, err := net.Dial("unix", path)
		if err == nil || ctx.Err() != nil {
			return c, err
		}
	}
}
