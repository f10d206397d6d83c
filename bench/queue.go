package bench

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom"
)

// depth is how many items a queue may hold: enough to keep both sides busy, and no
// more memory than a second-level cache has.
func depth(size int) int { return max(4, min(1024, 2<<20/size)) }

// flow is a case of producers and consumers of one object.
func flow[O object](name string, size, producers, consumers, many int, kind string, open func(*carom.Manager) (O, error)) {
	add(Case{Name: name, Bytes: size, Open: func(e *Env) (Run, error) {
		o, err := open(e.M)
		if _, err := own(e, o, err); err != nil {
			return nil, err
		}
		var list []party
		for range producers {
			list = append(list, party{Role: kind + " put", Object: o.Name(), Size: size, Many: many})
		}
		for range consumers {
			list = append(list, party{Role: kind + " get", Object: o.Name(), Size: size, Many: many})
		}
		return e.cast(placed(list...)...)
	}})
}

func init() {
	arrays[[64]byte](64)
	arrays[[1024]byte](1024)
	arrays[[64 << 10]byte](64 << 10)
	for _, size := range []int{64, 1 << 10, 64 << 10, 1 << 20} {
		flow("Queue/impl=carom/procs=2/type=bytes/size="+sizeName(size), size, 1, 1, 1, "queue bytes",
			func(m *carom.Manager) (*carom.Queue[[]byte], error) {
				return carom.NewQueue[[]byte](m, "", carom.Cap(depth(size)))
			})
	}
	roles["queue bytes put"] = queuePut(func(n int) []byte { return make([]byte, n) })
	roles["queue bytes get"] = queueGet[[]byte]

	item := func(m *carom.Manager) (*carom.Queue[[64]byte], error) {
		return carom.NewQueue[[64]byte](m, "", carom.Cap(depth(64)))
	}
	for _, n := range [][2]int{{2, 2}, {4, 1}, {1, 4}} {
		flow(fmt.Sprintf("Queue/impl=carom/procs=%d/producers=%d/size=64B", n[0]+n[1], n[0]), 64, n[0], n[1], 1, "queue 64B", item)
	}
	flow("Queue/impl=carom/procs=2/size=64B/batch=32", 64, 1, 1, 32, "queue 64B", item)
	flow("Queue/impl=carom/procs=2/size=64B/cap=none", 64, 1, 1, 1, "queue 64B", func(m *carom.Manager) (*carom.Queue[[64]byte], error) {
		return carom.NewQueue[[64]byte](m, "")
	})
	add(Case{Name: "QueueRoundTrip/impl=carom/procs=2/size=64B", Open: func(e *Env) (Run, error) {
		there, err := item(e.M)
		if _, err := own(e, there, err); err != nil {
			return nil, err
		}
		back, err := item(e.M)
		if _, err := own(e, back, err); err != nil {
			return nil, err
		}
		return e.cast(placed(
			party{Role: "queue ping", Object: there.Name(), Second: back.Name()},
			party{Role: "queue pong", Object: there.Name(), Second: back.Name()})...)
	}})
	roles["queue ping"] = queuePing
	roles["queue pong"] = queuePong
	add(inProcess("Queue/impl=carom/procs=1/size=64B", 64, func(e *Env) (func(int) error, error) {
		q, err := item(e.M)
		if _, err := own(e, q, err); err != nil {
			return nil, err
		}
		return func(n int) error {
			for range n {
				if err := q.Put(e.ctx, [64]byte{}); err != nil {
					return err
				}
				if _, err := q.Get(e.ctx); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}))
}

func arrays[T any](size int) {
	kind := "queue " + sizeName(size)
	flow("Queue/impl=carom/procs=2/size="+sizeName(size), size, 1, 1, 1, kind, func(m *carom.Manager) (*carom.Queue[T], error) {
		return carom.NewQueue[T](m, "", carom.Cap(depth(size)))
	})
	roles[kind+" put"] = queuePut(func(int) (t T) { return t })
	roles[kind+" get"] = queueGet[T]
}

func queuePut[T any](fresh func(size int) T) func(context.Context, *carom.Manager, party) (share, error) {
	return func(_ context.Context, m *carom.Manager, p party) (share, error) {
		q, err := carom.OpenQueue[T](m, p.Object)
		if err != nil {
			return nil, err
		}
		item, batch := fresh(p.Size), make([]T, p.Many)
		return func(ctx context.Context, n int) (finished, error) {
			for n > 0 && p.Many > 1 {
				did, err := q.PutMany(ctx, batch[:min(n, len(batch))])
				if err != nil {
					return finished{}, err
				}
				n -= did
			}
			for range n {
				if err := q.Put(ctx, item); err != nil {
					return finished{}, err
				}
			}
			return finished{}, nil
		}, nil
	}
}

func queueGet[T any](_ context.Context, m *carom.Manager, p party) (share, error) {
	q, err := carom.OpenQueue[T](m, p.Object)
	if err != nil {
		return nil, err
	}
	batch := make([]T, p.Many)
	return func(ctx context.Context, n int) (finished, error) {
		for n > 0 && p.Many > 1 {
			did, err := q.GetMany(ctx, batch[:min(n, len(batch))])
			if err != nil {
				return finished{}, err
			}
			n -= did
		}
		for range n {
			if _, err := q.Get(ctx); err != nil {
				return finished{}, err
			}
		}
		return finished{}, nil
	}, nil
}

func bothQueues(m *carom.Manager, p party) (there, back *carom.Queue[[64]byte], err error) {
	if there, err = carom.OpenQueue[[64]byte](m, p.Object); err == nil {
		back, err = carom.OpenQueue[[64]byte](m, p.Second)
	}
	return there, back, err
}

func queuePing(_ context.Context, m *carom.Manager, p party) (share, error) {
	there, back, err := bothQueues(m, p)
	return func(ctx context.Context, n int) (finished, error) {
		t := timing(n)
		for range n {
			if err := there.Put(ctx, [64]byte{}); err != nil {
				return finished{}, err
			}
			if _, err := back.Get(ctx); err != nil {
				return finished{}, err
			}
			t.lap()
		}
		return t.finished(), nil
	}, err
}

func queuePong(_ context.Context, m *carom.Manager, p party) (share, error) {
	there, back, err := bothQueues(m, p)
	return func(ctx context.Context, n int) (finished, error) {
		for range n {
			item, err := there.Get(ctx)
			if err != nil {
				return finished{}, err
			}
			if err := back.Put(ctx, item); err != nil {
				return finished{}, err
			}
		}
		return finished{}, nil
	}, err
}
