package crash

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// queue is a queue of the tally, by index.
type queue struct {
	a     *shm.Arena
	i     int
	h     *shm.Handle
	items *shm.Items
	tally tally
	also  *shm.Handle // the tally's
}

const (
	plain = iota
	capped
	sure
	large
	bytes
)

// specs of the tallied queues, by index.
func queueSpec(i int) shm.Spec {
	kind, cap := shm.Queue, 0
	switch i {
	case capped:
		cap = 3
	case bytes:
		kind = shm.ByteQueue
	}
	return shm.QueueSpec(kind, tallied[i], "item", cap, i == sure)
}

func openQueue(a *shm.Arena, i int) (q queue, err error) {
	q = queue{a: a, i: i}
	if q.also, q.tally, err = openTally(a); err != nil {
		return q, err
	}
	if q.h, err = open(a, queueSpec(i)); err == nil {
		q.items = shm.ItemsOf(q.h)
	}
	return q, err
}

func (q queue) close() error { return closeAll(q.h, q.also) }

// put puts an item of size bytes, at least 4.
func (q queue) put(ctx context.Context, size int) error {
	item := make([]byte, size)
	binary.LittleEndian.PutUint32(item, uint32(size))
	for i := 4; i < size; i++ {
		item[i] = byte(size)
	}
	q.tally.add(q.i, putBegun, 1)
	err := q.items.Put(ctx, nil, item, true)
	if q.i == bytes {
		panic("bytes are reserved")
	}
	if err == nil {
		q.tally.add(q.i, putDone, 1)
		return nil
	}
	q.tally.add(q.i, putBegun, -1)
	return err
}

// commit puts an item that is filled where it lies.
func (q queue) commit(ctx context.Context, size int) error {
	block, buf, err := q.items.Reserve(ctx, size)
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(buf, uint32(size))
	for i := 4; i < size; i++ {
		buf[i] = byte(size)
	}
	q.tally.add(q.i, putBegun, 1)
	if err = q.items.Commit(ctx, block, size, true); err != nil {
		q.tally.add(q.i, putBegun, -1)
		return errors.Join(err, q.items.Drop(block))
	}
	q.tally.add(q.i, putDone, 1)
	return nil
}

// get takes an item and, where the queue wants it, confirms.
func (q queue) get(ctx context.Context, wait bool) error {
	var problem error
	look := func(b []byte) {
		if problem = nil; len(b) < 4 || int(binary.LittleEndian.Uint32(b)) != len(b) {
			problem = fmt.Errorf("queue %q: a torn item of %d bytes: %x", tallied[q.i], len(b), b[:min(len(b), 16)])
			return
		}
		for _, c := range b[4:] {
			if c != byte(len(b)) {
				problem = fmt.Errorf("queue %q: a torn item of %d bytes", tallied[q.i], len(b))
				return
			}
		}
	}
	if q.i != sure { // an item that is taken may go with its taker
		q.tally.add(q.i, takeBegun, 1)
	}
	var err error
	var claim shm.Claim
	if q.i == bytes {
		var block uint64
		var view []byte
		if block, view, err = q.items.Receive(ctx, wait); err == nil {
			look(view)
			err = q.items.Drop(block)
		}
	} else {
		claim, err = q.items.Get(ctx, wait, look, look)
	}
	if err == nil && q.i == sure {
		q.tally.add(q.i, takeBegun, 1)
		err = within(func(ctx context.Context) error { return q.items.Done(ctx, claim) }) // whatever time was left for Get
	}
	if err != nil {
		if q.i != sure {
			q.tally.add(q.i, takeBegun, -1)
		}
		return err
	}
	q.tally.add(q.i, takeDone, 1)
	return problem
}

// drain takes what is there and compares it with the tally.
func (q queue) drain() error {
	if err := q.tally.check(q.i, q.items.Len()); err != nil {
		return fmt.Errorf("before draining: %w", err)
	}
	left, n := q.items.Len(), 0
	for ; ; n++ {
		err := within(func(ctx context.Context) error { return q.get(ctx, false) })
		if errors.Is(err, errs.ErrEmpty) || errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("queue %q, draining: %w", tallied[q.i], err)
		}
	}
	if n != left {
		return fmt.Errorf("queue %q: said %d items, had %d", tallied[q.i], left, n)
	}
	return nil
}

// works puts and takes a few items, of which each must come.
func (q queue) works() error {
	if q.items.Closed() {
		return nil
	}
	for range 3 {
		err := within(func(ctx context.Context) error {
			if q.i == bytes {
				return q.commit(ctx, 100)
			}
			return q.put(ctx, 100)
		})
		if err == nil {
			err = within(func(ctx context.Context) error { return q.get(ctx, true) })
		}
		if err != nil {
			return fmt.Errorf("queue %q does not work: %w", tallied[q.i], err)
		}
	}
	if !q.items.Confirms() {
		return nil
	}
	return within(q.items.Join)
}
