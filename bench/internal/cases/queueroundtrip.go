package cases

import (
	"context"

	"github.com/carom-ipc/carom"
)

func init() {
	Add(Case{Name: "QueueRoundTrip/impl=carom/procs=2/size=64B", Open: func(e *Env) (Run, error) {
		there, back, err := two(e, queueOf[[64]byte](64))
		if err != nil {
			return nil, err
		}
		return e.Cast(Placed(
			Party{Role: "queue ping", Object: there, Second: back},
			Party{Role: "queue pong", Object: there, Second: back})...)
	}})
	Roles["queue ping"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openBoth(m, p, carom.OpenQueue[[64]byte])
		return Pinging(p, func() error { return there.Put(context.Background(), [64]byte{}) }, func(ctx context.Context) error {
			_, err := back.Get(ctx)
			return err
		}), err
	}
	Roles["queue pong"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openBoth(m, p, carom.OpenQueue[[64]byte])
		return func(ctx context.Context, n int) (Finished, error) {
			for range n {
				item, err := there.Get(ctx)
				if err != nil {
					return Finished{}, err
				}
				if err := back.Put(ctx, item); err != nil {
					return Finished{}, err
				}
			}
			return Finished{}, nil
		}, err
	}
	Add(Case{Name: "ByteQueueRoundTrip/impl=carom/procs=2/size=64B", Open: func(e *Env) (Run, error) {
		there, back, err := two(e, byteQueueOf(64))
		if err != nil {
			return nil, err
		}
		return e.Cast(Placed(
			Party{Role: "bytequeue ping", Object: there, Second: back, Many: 64},
			Party{Role: "bytequeue pong", Object: there, Second: back, Many: 64})...)
	}})
	Roles["bytequeue ping"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openBoth(m, p, carom.OpenByteQueue)
		return Pinging(p, func() error { return sendBytes(context.Background(), there, p.Many) }, func(ctx context.Context) error {
			return takeBytes(ctx, back)
		}), err
	}
	Roles["bytequeue pong"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openBoth(m, p, carom.OpenByteQueue)
		return func(ctx context.Context, n int) (Finished, error) {
			for range n {
				if err := takeBytes(ctx, there); err != nil {
					return Finished{}, err
				}
				if err := sendBytes(ctx, back, p.Many); err != nil {
					return Finished{}, err
				}
			}
			return Finished{}, nil
		}, err
	}
}

// two makes an object for each direction.
func two[O object](e *Env, open func(*carom.Manager) (O, error)) (there, back string, err error) {
	if there, err = named(e, open); err == nil {
		back, err = named(e, open)
	}
	return there, back, err
}

func openBoth[O object](m *carom.Manager, p Party, open func(*carom.Manager, string) (O, error)) (there, back O, err error) {
	if there, err = open(m, p.Object); err == nil {
		back, err = open(m, p.Second)
	}
	return there, back, err
}
