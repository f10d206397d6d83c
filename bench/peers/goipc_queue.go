package main

import (
	"context"

	"bitbucket.org/avd/go-ipc/mq"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench"
)

func newFastMq(e *bench.Env, size int) (string, error) {
	name := freshName("mq")
	q, err := mq.CreateFastMq(name, 0, 0o600, bench.Depth(size), size)
	if err == nil {
		e.OnClose(func() { _ = q.Close(); _ = mq.DestroyFastMq(name) })
	}
	return name, err
}

func init() {
	for _, size := range bench.Sizes {
		for _, s := range bench.Shapes {
			add(bench.Case{Name: "Queue/impl=go-ipc/" + bench.ShapeName(s[0], s[1]) + "/size=" + bench.SizeName(size), Bytes: size,
				Open: func(e *bench.Env) (bench.Run, error) {
					name, err := newFastMq(e, size)
					if err != nil {
						return nil, err
					}
					return e.Flow(s[0], s[1], bench.Party{Role: "go-ipc", Object: name, Size: size})
				}})
		}
	}
	bench.Roles["go-ipc put"] = func(_ context.Context, m *carom.Manager, p bench.Party) (bench.Share, error) {
		q, err := mq.OpenFastMq(p.Object, 0)
		if err != nil {
			return nil, err
		}
		return bench.Taking(m, p, repeated(q.Send, p.Size))
	}
	bench.Roles["go-ipc get"] = func(_ context.Context, m *carom.Manager, p bench.Party) (bench.Share, error) {
		q, err := mq.OpenFastMq(p.Object, 0)
		if err != nil {
			return nil, err
		}
		return bench.Taking(m, p, repeated(func(b []byte) error { _, err := q.Receive(b); return err }, p.Size))
	}
	add(bench.Case{Name: "QueueRoundTrip/impl=go-ipc/procs=2/size=64B", Open: func(e *bench.Env) (bench.Run, error) {
		there, err := newFastMq(e, 64)
		if err != nil {
			return nil, err
		}
		back, err := newFastMq(e, 64)
		if err != nil {
			return nil, err
		}
		return e.Cast(bench.Placed(
			bench.Party{Role: "go-ipc ping", Object: there, Second: back},
			bench.Party{Role: "go-ipc pong", Object: there, Second: back})...)
	}})
	bench.Roles["go-ipc ping"] = func(_ context.Context, _ *carom.Manager, p bench.Party) (bench.Share, error) {
		there, back, err := openBoth(p)
		buf := make([]byte, 64)
		return bench.Pinging(p, func() error { return there.Send(buf) }, func(context.Context) error {
			_, err := back.Receive(buf)
			return err
		}), err
	}
	bench.Roles["go-ipc pong"] = func(_ context.Context, _ *carom.Manager, p bench.Party) (bench.Share, error) {
		there, back, err := openBoth(p)
		buf := make([]byte, 64)
		return func(_ context.Context, n int) (bench.Finished, error) {
			for range n {
				if _, err := there.Receive(buf); err != nil {
					return bench.Finished{}, err
				}
				if err := back.Send(buf); err != nil {
					return bench.Finished{}, err
				}
			}
			return bench.Finished{}, nil
		}, err
	}
}

func openBoth(p bench.Party) (there, back *mq.FastMq, err error) {
	if there, err = mq.OpenFastMq(p.Object, 0); err == nil {
		back, err = mq.OpenFastMq(p.Second, 0)
	}
	return there, back, err
}

func repeated(f func([]byte) error, size int) func(context.Context, int) error {
	buf := make([]byte, size)
	return func(_ context.Context, n int) error {
		for range n {
			if err := f(buf); err != nil {
				return err
			}
		}
		return nil
	}
}
