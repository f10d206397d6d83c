package carom

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/carom-ipc/carom/shm"
)

// ByteQueue is a queue of byte strings that are never copied: a producer fills a buffer
// that lies in shared memory, and a consumer reads it there. So an item costs the same
// whatever its size.
//
//	buf, err := q.Reserve(ctx, n)      view, err := q.Receive(ctx)
//	fill(buf)                          use(view)
//	err = q.Commit(buf)                err = q.Release(view)
//
// A buffer between Reserve and Commit, and a view between Receive and Release, belong
// to the handle: its Close frees them, and so does the process's death. On a remote handle
// they are this process's own memory, and Commit and Receive send what is in them.
type ByteQueue struct {
	base[shm.Items]

	mu     sync.Mutex       // guards blocks
	blocks map[*byte]uint64 // by the first byte of what Reserve and Receive gave out
}

// NewByteQueue makes sure that there is a byte queue called name, and attaches to it.
// "" asks for a name of its own. Options: Cap, Exclusive. Errors: as NewQueue's.
func NewByteQueue(m *Manager, name string, opts ...Option) (*ByteQueue, error) {
	q := new(ByteQueue)
	return opened(q, q.open(m, "new", name, opts))
}

// OpenByteQueue attaches to the byte queue called name. ErrNotFound: there is none.
func OpenByteQueue(m *Manager, name string) (*ByteQueue, error) {
	q := new(ByteQueue)
	return opened(q, q.reopen(m, name))
}

func (q *ByteQueue) reopen(m *Manager, name string) error { return q.open(m, "open", name, nil) }

func (q *ByteQueue) open(m *Manager, op, name string, opts []Option) error {
	q.blocks = make(map[*byte]uint64)
	h, err := openItems(m, op, shm.ByteQueue, name, "", opts)
	if err != nil {
		return err
	}
	if q.h = h; h.obj != nil {
		q.bind(h, shm.ItemsOf(h.obj), q.dropBlocks)
	}
	return nil
}

// Reserve returns n bytes of shared memory to fill, for Commit. What is in them is
// undefined. Errors: ErrNoMemory, ErrTooLarge beyond the arena's whole budget, ErrClosed,
// the context's.
func (q *ByteQueue) Reserve(ctx context.Context, n int) ([]byte, error) {
	const op = "reserve"
	items, err := q.use(op)
	if err != nil {
		return nil, err
	}
	if items == nil {
		return q.reserveRemote(ctx, op, n)
	}
	defer q.leave()
	if items.Closed() {
		return nil, q.h.fail(op, ErrClosed)
	}
	block, buf, err := items.Reserve(ctx, n)
	if err != nil {
		return nil, q.h.fail(op, err)
	}
	return q.give(op, items, block, buf)
}

// reserveRemote gives a buffer of this process's own, once the coordinator could have one.
func (q *ByteQueue) reserveRemote(ctx context.Context, op string, n int) ([]byte, error) {
	if n < 0 {
		return nil, q.h.fail(op, fmt.Errorf("a length of %d: %w", n, ErrTooLarge))
	}
	if err := q.h.ask(ctx, op, "reserve", nil, uint64(n)); err != nil {
		return nil, err
	}
	return q.lend(0, make([]byte, n, max(n, 1))), nil
}

// give is lend, unless the handle was closed meanwhile: then the block goes back, since what
// is lent goes with the handle.
func (q *ByteQueue) give(op string, items *shm.Items, block uint64, buf []byte) ([]byte, error) {
	if !q.h.obj.Closed() {
		return q.lend(block, buf), nil
	}
	_ = items.Drop(block)
	return nil, q.h.closedErr(op)
}

// lend remembers the block behind a buffer. One of no bytes is known by the byte that
// follows.
func (q *ByteQueue) lend(block uint64, buf []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.blocks[shm.FirstByte(buf)] = block
	return buf
}

func (q *ByteQueue) giveBack(buf []byte) (uint64, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := shm.FirstByte(buf)
	block, ok := q.blocks[key]
	delete(q.blocks, key)
	return block, ok
}

// dropBlocks frees what is out, when the handle is closed and no call is inside any more.
func (q *ByteQueue) dropBlocks() {
	q.mu.Lock()
	blocks := q.blocks
	q.blocks = nil
	q.mu.Unlock()
	items := shm.ItemsOf(q.h.obj)
	for _, block := range blocks {
		_ = items.Drop(block)
	}
}

// Commit appends what Reserve returned, or a shorter slice with the same beginning. It
// waits for room where the queue has a Cap; then the buffer is still the caller's if it
// fails. Errors: ErrNotFound for a slice that is not from Reserve, ErrClosed after
// CloseWrite, ErrNoMemory.
func (q *ByteQueue) Commit(buf []byte) error { return q.CommitContext(context.Background(), buf) }

// CommitContext is Commit that waits for room until ctx ends.
func (q *ByteQueue) CommitContext(ctx context.Context, buf []byte) error {
	const op = "commit"
	items, err := q.use(op)
	if err != nil {
		return err
	}
	if items != nil {
		defer q.leave()
	}
	block, ok := q.giveBack(buf)
	if !ok {
		return q.h.fail(op, fmt.Errorf("the buffer is not from Reserve: %w", ErrNotFound))
	}
	if items == nil {
		if err := q.h.ask(ctx, op, "put", nil, buf); err != nil {
			q.lend(0, buf)
			return err
		}
		return nil
	}
	q.h.publish()
	if err := items.Commit(ctx, block, len(buf), true); err != nil {
		q.lend(block, buf)
		return q.h.fail(op, err)
	}
	return nil
}

// Receive returns a view of the next item, for Release, and waits for one until ctx
// ends. Errors: io.EOF when the queue was closed by CloseWrite and is drained, ErrClosed,
// the context's.
func (q *ByteQueue) Receive(ctx context.Context) ([]byte, error) {
	return q.receive(ctx, "receive", true)
}

// TryReceive is Receive without waiting: ErrEmpty if there is none.
func (q *ByteQueue) TryReceive() ([]byte, error) {
	return q.receive(context.Background(), "try receive", false)
}

func (q *ByteQueue) receive(ctx context.Context, op string, wait bool) ([]byte, error) {
	items, err := q.use(op)
	if err != nil {
		return nil, err
	}
	if items == nil {
		return q.receiveRemote(ctx, op, wait)
	}
	defer q.leave()
	block, view, err := items.Receive(ctx, wait)
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, q.h.fail(op, err)
	}
	q.h.observe()
	if q.h.obj.Closed() { // what is lent goes with the handle: the caller gets the item all the same
		view = append(make([]byte, 0, max(1, len(view))), view...)
		return view, q.h.fail(op, items.Drop(block))
	}
	return q.lend(block, view), nil
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

// Release gives the memory of a view back, or of a buffer that is not to be committed.
// ErrNotFound for a slice that is neither.
func (q *ByteQueue) Release(view []byte) error {
	const op = "release"
	items, err := q.use(op)
	if err != nil {
		return err
	}
	if items != nil {
		defer q.leave()
	}
	block, ok := q.giveBack(view)
	if !ok {
		return q.h.fail(op, fmt.Errorf("the view is not from Receive: %w", ErrNotFound))
	}
	if items == nil {
		return nil
	}
	return q.h.fail(op, items.Drop(block))
}

// CloseWrite ends the queue: Receive drains it, then answers io.EOF; Commit answers
// ErrClosed.
func (q *ByteQueue) CloseWrite() error { return closeWrite(&q.base) }

// Len is the number of items that can be received now; 0 once the handle is closed.
func (q *ByteQueue) Len() int { return lenOf(&q.base) }

// Cap is the limit in items; 0: none but memory.
func (q *ByteQueue) Cap() int { return capOf(&q.base) }

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (q *ByteQueue) UnmarshalCBOR(b []byte) error { return q.attach(b, "ByteQueue", q.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (q *ByteQueue) UnmarshalJSON(b []byte) error { return q.attach(b, "ByteQueue", q.reopen) }
