package cases

import (
	"context"

	"github.com/carom-ipc/carom"
)

func init() {
	for _, size := range Sizes {
		for _, s := range Shapes {
			flow("ByteQueue/impl=carom/"+ShapeName(s[0], s[1])+"/size="+SizeName(size), s[0], s[1],
				Party{Role: "bytequeue", Size: size}, byteQueueOf(size))
		}
	}
	Roles["bytequeue put"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		q, err := carom.OpenByteQueue(m, p.Object)
		if err != nil {
			return nil, err
		}
		return Taking(m, p, func(ctx context.Context, n int) error {
			for range n {
				if err := sendBytes(ctx, q, p.Size); err != nil {
					return err
				}
			}
			return nil
		})
	}
	Roles["bytequeue get"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		q, err := carom.OpenByteQueue(m, p.Object)
		if err != nil {
			return nil, err
		}
		return Taking(m, p, func(ctx context.Context, n int) error {
			for range n {
				if err := takeBytes(ctx, q); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func byteQueueOf(size int) func(*carom.Manager) (*carom.ByteQueue, error) {
	return func(m *carom.Manager) (*carom.ByteQueue, error) {
		return carom.NewByteQueue(m, "", carom.Cap(Depth(size)))
	}
}

// sendBytes writes one byte, as little as a producer can do: what it costs to fill the
// rest is the same for everybody.
func sendBytes(ctx context.Context, q *carom.ByteQueue, size int) error {
	buf, err := q.Reserve(ctx, size)
	if err != nil {
		return err
	}
	buf[0]++
	return q.CommitContext(ctx, buf)
}

func takeBytes(ctx context.Context, q *carom.ByteQueue) error {
	view, err := q.Receive(ctx)
	if err != nil {
		return err
	}
	sink += int64(view[0])
	return q.Release(view)
}
