package bench

import (
	"context"

	"github.com/carom-ipc/carom"
)

func init() {
	for _, size := range []int{64, 1 << 10, 64 << 10, 1 << 20} {
		flow("ByteQueue/impl=carom/procs=2/size="+sizeName(size), size, 1, 1, 1, "bytequeue",
			func(m *carom.Manager) (*carom.ByteQueue, error) {
				return carom.NewByteQueue(m, "", carom.Cap(depth(size)))
			})
	}
	roles["bytequeue put"] = byteQueuePut
	roles["bytequeue get"] = byteQueueGet
}

// byteQueuePut writes one byte, as little as a producer can do: what it costs to fill the
// rest is the same for everybody.
func byteQueuePut(_ context.Context, m *carom.Manager, p party) (share, error) {
	q, err := carom.OpenByteQueue(m, p.Object)
	return func(ctx context.Context, n int) (finished, error) {
		for i := range n {
			buf, err := q.Reserve(ctx, p.Size)
			if err != nil {
				return finished{}, err
			}
			buf[0] = byte(i)
			if err := q.CommitContext(ctx, buf); err != nil {
				return finished{}, err
			}
		}
		return finished{}, nil
	}, err
}

func byteQueueGet(_ context.Context, m *carom.Manager, p party) (share, error) {
	q, err := carom.OpenByteQueue(m, p.Object)
	return func(ctx context.Context, n int) (finished, error) {
		for range n {
			view, err := q.Receive(ctx)
			if err != nil {
				return finished{}, err
			}
			sink += int64(view[0])
			if err := q.Release(view); err != nil {
				return finished{}, err
			}
		}
		return finished{}, nil
	}, err
}
