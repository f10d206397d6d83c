package carom

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

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
// to the process; its death frees them. On a remote handle they are this process's own
// memory, and Commit and Receive send what is in them.
type ByteQueue struct {
	items atomic.Pointer[shm.Items] // nil once closed
	h     *handle

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
	return opened(q, q.open(m, "open", name, nil))
}

func (q *ByteQueue) open(m *Manager, op, name string, opts []Option) error {
	q.blocks = make(map[*byte]uint64)
	if m.isRemote() {
		return q.openRemote(m, op, name, opts)
	}
	h, items, err := openItems(m, op, shm.ByteQueue, name, "", opts)
	if err != nil {
		return err
	}
	q.h = h
	q.items.Store(items)
	h.bind(func() { q.items.Store(nil) })
	return nil
}

// use is where the queue is; nil without an error where that is at the coordinator.
func (q *ByteQueue) use(op string) (*shm.Items, error) {
	if q == nil {
		return nil, (*handle)(nil).away(shm.ByteQueue, op)
	}
	if items := q.items.Load(); items != nil {
		return items, nil
	}
	return nil, q.h.away(shm.ByteQueue, op)
}

// Reserve returns n bytes of shared memory to fill, for Commit. What is in them is
// undefined. Errors: ErrNoMemory, ErrTooLarge beyond the arena's whole budget, ErrClosed,
// the context's.
func (q *ByteQueue) Reserve(ctx context.Context, n int) ([]byte, error) {
	items, err := q.use("reserve")
	if err != nil {
		return nil, err
	}
	if items == nil {
		return q.reserveRemote(ctx, n)
	}
	if items.Closed() {
		return nil, q.h.wrap("reserve", ErrClosed)
	}
	block, buf, err := items.Reserve(ctx, n)
	if err != nil {
		return nil, q.h.wrap("reserve", err)
	}
	return q.lend(block, buf), nil
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

// Commit appends what Reserve returned, or a shorter slice with the same beginning. It
// waits for room where the queue has a Cap; then the buffer is still the caller's if it
// fails. Errors: ErrNotFound for a slice that is not from Reserve, ErrClosed after
// CloseWrite, ErrNoMemory.
func (q *ByteQueue) Commit(buf []byte) error { return q.CommitContext(context.Background(), buf) }

// CommitContext is Commit that waits for room until ctx ends.
func (q *ByteQueue) CommitContext(ctx context.Context, buf []byte) error {
	items, err := q.use("commit")
	if err != nil {
		return err
	}
	block, ok := q.giveBack(buf)
	if !ok {
		return q.h.wrap("commit", fmt.Errorf("the buffer is not from Reserve: %w", ErrNotFound))
	}
	if items == nil {
		return q.commitRemote(ctx, buf)
	}
	q.h.obj.Release()
	if err := items.Commit(ctx, block, len(buf), true); err != nil {
		q.lend(block, buf)
		return q.h.wrap("commit", err)
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
	block, view, err := items.Receive(ctx, wait)
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, q.h.wrap(op, err)
	}
	q.h.obj.Acquire()
	return q.lend(block, view), nil
}

// Release gives the memory of a view back, or of a buffer that is not to be committed.
// ErrNotFound for a slice that is neither.
func (q *ByteQueue) Release(view []byte) error {
	items, err := q.use("release")
	if err != nil {
		return err
	}
	block, ok := q.giveBack(view)
	if !ok {
		return q.h.wrap("release", fmt.Errorf("the view is not from Receive: %w", ErrNotFound))
	}
	if items == nil {
		return nil
	}
	return q.h.wrap("release", items.Drop(block))
}

// CloseWrite ends the queue: Receive drains it, then answers io.EOF; Commit answers
// ErrClosed.
func (q *ByteQueue) CloseWrite() error {
	items, err := q.use("close write")
	if err != nil {
		return err
	}
	if items == nil {
		return q.h.tell("close write", "closewrite", nil)
	}
	ctx, cancel := constructorContext(q.h.m)
	defer cancel()
	return q.h.wrap("close write", items.CloseWrite(ctx))
}

// Len is the number of items that can be received now; 0 once the handle is closed.
func (q *ByteQueue) Len() int {
	items, err := q.use("len")
	if err != nil {
		return 0
	}
	if items == nil {
		return q.h.lenRemote()
	}
	return items.Len()
}

// Cap is the limit in items; 0: none but memory.
func (q *ByteQueue) Cap() int {
	items, err := q.use("cap")
	if err != nil {
		return 0
	}
	if items == nil {
		return q.h.capRemote()
	}
	return items.Cap()
}

// Name is the name by which other processes open the queue.
func (q *ByteQueue) Name() string {
	if q == nil {
		return ""
	}
	return q.h.nameOf()
}

// Err says why the last method without an error could not do its work: ErrClosed; on a
// remote handle also what the round trip failed with; or nil if it could.
func (q *ByteQueue) Err() error {
	items, err := q.use("use")
	if items == nil && err == nil {
		return q.h.lastErr()
	}
	return err
}

// Close gives back all buffers and views that are out, and detaches this handle.
func (q *ByteQueue) Close() error {
	items, err := q.use("close")
	if err != nil {
		return err
	}
	q.mu.Lock()
	blocks := q.blocks
	q.blocks = make(map[*byte]uint64)
	q.mu.Unlock()
	if items != nil {
		for _, block := range blocks {
			_ = items.Drop(block)
		}
	}
	return q.h.close(shm.ByteQueue)
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (q *ByteQueue) MarshalCBOR() ([]byte, error) {
	if q == nil {
		return cborNull, nil
	}
	return marshalHandle(q.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (q *ByteQueue) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalHandle(b, shm.ByteQueue)
	if err != nil {
		return err
	}
	return q.open(m, "open", name, nil)
}
