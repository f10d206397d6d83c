package cases

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
		Add(Case{Name: "Queue/impl=unix/procs=2/size=" + SizeName(size), Bytes: size, Open: func(e *Env) (Run, error) {
			path, err := e.Path("stream")
			if err != nil {
				return nil, err
			}
			return e.Cast(Placed(
				Party{Role: "unix put", Object: path, Size: size},
				Party{Role: "unix get", Object: path, Size: size})...)
		}})
	}
	Add(Case{Name: "QueueRoundTrip/impl=unix/procs=2/size=64B", Open: func(e *Env) (Run, error) {
		path, err := e.Path("stream")
		if err != nil {
			return nil, err
		}
		return e.Cast(Placed(
			Party{Role: "unix ping", Object: path, Size: 64},
			Party{Role: "unix pong", Object: path, Size: 64})...)
	}})
	Roles["unix put"] = func(ctx context.Context, _ *carom.Manager, p Party) (Share, error) {
		c, err := dialWhenUp(ctx, p.Object)
		return writes(c, p.Size), err
	}
	Roles["unix get"] = func(_ context.Context, _ *carom.Manager, p Party) (Share, error) {
		c, err := acceptOne(p.Object)
		return reads(c, p.Size), err
	}
	Roles["unix ping"] = func(ctx context.Context, _ *carom.Manager, p Party) (Share, error) {
		c, err := dialWhenUp(ctx, p.Object)
		buf := make([]byte, p.Size)
		return func(_ context.Context, n int) (Finished, error) {
			t := Timing(n)
			for range n {
				if _, err := c.Write(buf); err != nil {
					return Finished{}, err
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					return Finished{}, err
				}
				t.Lap()
			}
			return t.Finished(), nil
		}, err
	}
	Roles["unix pong"] = func(_ context.Context, _ *carom.Manager, p Party) (Share, error) {
		c, err := acceptOne(p.Object)
		buf := make([]byte, p.Size)
		return func(_ context.Context, n int) (Finished, error) {
			for range n {
				if _, err := io.ReadFull(c, buf); err != nil {
					return Finished{}, err
				}
				if _, err := c.Write(buf); err != nil {
					return Finished{}, err
				}
			}
			return Finished{}, nil
		}, err
	}
}

func writes(w io.Writer, size int) Share {
	buf := make([]byte, size)
	return func(_ context.Context, n int) (Finished, error) {
		for range n {
			if _, err := w.Write(buf); err != nil {
				return Finished{}, err
			}
		}
		return Finished{}, nil
	}
}

func reads(from io.Reader, size int) Share {
	r := bufio.NewReaderSize(from, 64<<10)
	buf := make([]byte, size)
	return func(_ context.Context, n int) (Finished, error) {
		for range n {
			if _, err := io.ReadFull(r, buf); err != nil {
				return Finished{}, err
			}
		}
		return Finished{}, nil
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
