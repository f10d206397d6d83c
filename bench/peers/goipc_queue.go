package main

import (
	"context"

	"bitbucket.org/avd/go-ipc/mq"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench/internal/cases"
)

func newFastMq(e *cases.Env, size int) (string, error) {
	name := freshName("mq")
	q, err := mq.CreateFastMq(name, 0, 0o600, cases.Depth(size), size)
	if err == nil {
		e.OnClose(func() { _ = q.Close(); _ = mq.DestroyFastMq(name) })
	}
	return name, err
}

func init() {
	for _, size := range cases.Sizes {
		for _, s := range cases.Shapes {
			add(cases.Case{Name: "Queue/impl=go-ipc/" + cases.ShapeName(s[0], s[1]) + "/size=" + cases.SizeName(size), Bytes: size,
				Open: func(e *cases.Env) (cases.Run, error) {
					name, err := newFastMq(e, size)
					if err != nil {
						return nil, err
					}
					return e.Flow(s[0], s[1], cases.Party{Role: "go-ipc", Object: name, Size: size})
				}})
		}
	}
	cases.Roles["go-ipc put"] = func(_ context.Context, m *carom.Manager, p cases.Party) (cases.Share, error) {
		q, err := mq.OpenFastMq(p.Object, 0)
		if err != nil {
			return nil, err
		}
		return cases.Taking(m, p, repeated(q.Send, p.Size))
	}
	cases.Roles["go-ipc get"] = func(_ context.Context, m *carom.Manager, p cases.Party) (cases.Share, error) {
		q, err := mq.OpenFastMq(p.Object, 0)
		if err != nil {
			return nil, err
		}
		return cases.Taking(m, p, repeated(func(b []byte) error { _, err := q.Receive(b); return err }, p.Size))
	}
	add(cases.Case{Name: "QueueRoundTrip/impl=go-ipc/procs=2/size=64B", Open: func(e *cases.Env) (cases.Run, error) {
		there, err := newFastMq(e, 64)
		if err != nil {
			return nil, err
		}
		back, err := newFastMq(e, 64)
		if err != nil {
			return nil, err
		}
		return e.Cast(cases.Placed(
			cases.Party{Role: "go-ipc ping", Object: there, Second: back},
			cases.Party{Role: "go-ipc pong", Object: there, Second: back})...)
	}})
	cases.Roles["go-ipc ping"] = func(_ context.Context, _ *carom.Manager, p cases.Party) (cases.Share, error) {
		there, back, err := openBoth(p)
		buf := make([]byte, 64)
		return cases.Pinging(p, func() error { return there.Send(buf) }, func(context.Context) error {
			_, err := back.Receive(buf)
			return err
		}), err
	}
	cases.Roles["go-ipc pong"] = func(_ context.Context, _ *carom.Manager, p cases.Party) (cases.Share, error) {
		there, back, err := openBoth(p)
		buf := make([]byte, 64)
		return func(_ context.Context, n int) (cases.Finished, error) {
			for range n {
				if _, err := there.Receive(buf); err != nil {
					return cases.Finished{}, err
				}
				if err := back.Send(buf); err != nil {
					return cases.Finished{}, err
				}
			}
			return cases.Finished{}, nil
		}, err
	}
}

func openBoth(p cases.Party) (there, back *mq.FastMq, err error) {
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
