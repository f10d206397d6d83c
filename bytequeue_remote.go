package carom

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

func (q *ByteQueue) openRemote(m *Manager, op, name string, opts []Option) error {
	o, err := readQueueOptions(shm.ByteQueue, opts)
	if err != nil {
		return (&handle{kind: shm.ByteQueue, name: name}).wrap(op, err)
	}
	params := coord.AppendUint(coord.AppendArray(nil, 1), uint64(o.cap))
	q.h, err = openRemoteHandle(m, op, shm.ByteQueue, name, "", o.exclusive, params)
	return err
}

// reserveRemote gives a buffer of this process's own, once the coordinator could have one.
func (q *ByteQueue) reserveRemote(ctx context.Context, n int) ([]byte, error) {
	if n < 0 {
		return nil, q.h.wrap("reserve", fmt.Errorf("a length of %d: %w", n, ErrTooLarge))
	}
	if err := q.h.ask(ctx, "reserve", "reserve", nil, uint64(n)); err != nil {
		return nil, err
	}
	return q.lend(0, make([]byte, n, max(n, 1))), nil
}

// commitRemote puts what is in a buffer that giveBack has found.
func (q *ByteQueue) commitRemote(ctx context.Context, buf []byte) error {
	if err := q.h.ask(ctx, "commit", "put", nil, buf); err != nil {
		q.lend(0, buf)
		return err
	}
	return nil
}

func (q *ByteQueue) receiveRemote(ctx context.Context, op string, wait bool) ([]byte, error) {
	b, err := q.h.takeRemote(ctx, op, wait)
	if err != nil {
		return nil, err
	}
	if cap(b) == 0 { // one of no bytes is known by the byte that follows
		b = make([]byte, 0, 1)
	}
	return q.lend(0, b), nil
}
