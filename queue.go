package carom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom/shm"
)

// Queue is a first-in, first-out queue of Ts between any number of producers and
// consumers. Ts of fixed size that are free of pointers are copied; all others travel
// as CBOR.
//
// An item is wholly in or not at all, whatever kills its producer, and a consumer that
// is killed has taken it or not: nobody is blocked by the dead. With the option
// AtLeastOnce, an item stays the queue's until TaskDone: what a dead process, or a
// closed handle, had taken and not confirmed goes back to the front.
//
// With Cap, Put waits for room; without, the queue is bounded by the arena's budget,
// beyond which Put answers ErrNoMemory.
type Queue[T any] struct {
	items atomic.Pointer[shm.Items] // nil once closed
	form  itemForm
	size  int // of a T that goes in by copy
	h     *handle

	mu     sync.Mutex // guards claims
	claims []shm.Claim
}

// NewQueue makes sure that there is a queue called name, and attaches to it. "" asks
// for a name of its own. Options: Cap, AtLeastOnce, Exclusive. Errors: ErrType if the
// name belongs to something else, to another element type or other options, or if Cap
// is negative; ErrExists with Exclusive; ErrNoMemory.
func NewQueue[T any](m *Manager, name string, opts ...Option) (*Queue[T], error) {
	q := new(Queue[T])
	return opened(q, q.open(m, "new", name, opts))
}

// NewJoinableQueue is NewQueue: every queue has TaskDone and Join.
func NewJoinableQueue[T any](m *Manager, name string, opts ...Option) (*Queue[T], error) {
	return NewQueue[T](m, name, opts...)
}

// OpenQueue attaches to the queue called name, whatever its options. ErrNotFound: there
// is none.
func OpenQueue[T any](m *Manager, name string) (*Queue[T], error) {
	q := new(Queue[T])
	return opened(q, q.open(m, "open", name, nil))
}

func (q *Queue[T]) open(m *Manager, op, name string, opts []Option) error {
	layout := layoutOf[T]()
	typ := layout.signature
	if q.form, q.size = formOf[T](layout), int(layout.size); q.form != formFixed {
		typ = signatureOf[T]()
	}
	if m.isRemote() {
		return q.openRemote(m, op, name, typ, layout, opts)
	}
	h, items, err := openItems(m, op, shm.Queue, name, typ, opts)
	if err != nil {
		return err
	}
	q.h = h
	q.items.Store(items)
	h.bind(func() { q.items.Store(nil) })
	return nil
}

// openItems opens the queue of bytes below a Queue or a ByteQueue.
func openItems(m *Manager, op string, kind shm.Kind, name, typ string, opts []Option) (*handle, *shm.Items, error) {
	h := &handle{m: m, kind: kind, name: name}
	o, err := readQueueOptions(kind, opts)
	if err == nil {
		err = m.check(op)
	}
	if err == nil {
		err = m.over(op)
	}
	if err != nil {
		return nil, nil, h.wrap(op, err)
	}
	spec := shm.QueueSpec(kind, name, typ, o.cap, o.atLeastOnce)
	spec.Exclusive, spec.OpenOnly, spec.Any = o.exclusive, op == "open", op == "open"
	ctx, cancel := constructorContext(m)
	defer cancel()
	obj, _, err := m.arena.Open(ctx, spec)
	if err != nil {
		return nil, nil, h.wrap(op, err)
	}
	h.obj, h.name = obj, obj.Name
	return h, shm.ItemsOf(obj), nil
}

func readQueueOptions(kind shm.Kind, opts []Option) (options, error) {
	o, err := readOptions(kind, opts)
	if err == nil && o.cap < 0 {
		err = fmt.Errorf("%w: a cap of %d", ErrType, o.cap)
	}
	return o, err
}

// use is where the queue is; nil without an error where that is at the coordinator.
func (q *Queue[T]) use(op string) (*shm.Items, error) {
	if q == nil {
		return nil, (*handle)(nil).away(shm.Queue, op)
	}
	if items := q.items.Load(); items != nil {
		return items, nil
	}
	return nil, q.h.away(shm.Queue, op)
}

// Put appends an item, and waits for room until ctx ends. Errors: ErrClosed after
// CloseWrite, ErrTooLarge for an item beyond the arena's whole budget, ErrNoMemory
// beyond what is left of it, ErrType if T's CBOR form cannot hold it, the context's. The
// item is not stored then.
func (q *Queue[T]) Put(ctx context.Context, item T) error { return q.put(ctx, "put", item, true) }

// TryPut is Put without waiting: ErrFull if there is no room.
func (q *Queue[T]) TryPut(item T) error { return q.put(context.Background(), "try put", item, false) }

func (q *Queue[T]) put(ctx context.Context, op string, item T, wait bool) error {
	items, err := q.use(op)
	if err != nil {
		return err
	}
	if items == nil {
		return q.putRemote(ctx, op, item, wait)
	}
	if !q.h.obj.Enter() {
		return q.h.wrap(op, ErrClosed)
	}
	q.h.obj.Release()
	switch q.form {
	case formFixed:
		err = items.Put(ctx, nil, shm.BytesOfOne(&item), wait)
	case formBytes:
		err = putText(ctx, items, *shm.BytesIn(&item), cborBytes, wait)
	case formText:
		err = putText(ctx, items, shm.TextIn(&item), cborText, wait)
	default:
		err = q.putEncoded(ctx, items, item, wait)
	}
	q.h.obj.Leave()
	if err != nil {
		return q.h.wrap(op, err)
	}
	return nil
}

// PutMany appends items, as many at once as there is room, and waits for more. It
// returns how many it stored, fewer than all only with an error, as Put's.
func (q *Queue[T]) PutMany(ctx context.Context, list []T) (int, error) {
	items, err := q.use("put many")
	if err != nil {
		return 0, err
	}
	if items == nil {
		return q.putManyRemote(ctx, list)
	}
	if q.form == formFixed {
		q.h.obj.Release()
		n, err := q.putManyFixed(ctx, items, list)
		return n, q.h.wrap("put many", err)
	}
	for i, item := range list {
		if err := q.put(ctx, "put many", item, true); err != nil {
			return i, err
		}
	}
	return len(list), nil
}

// putManyFixed copies each item once, from where it lies.
func (q *Queue[T]) putManyFixed(ctx context.Context, items *shm.Items, list []T) (n int, err error) {
	if q.size <= shm.MaxInline {
		return items.PutMany(ctx, shm.BytesOf(list), q.size)
	}
	for i := range list {
		if err := items.Put(ctx, nil, shm.BytesOf(list[i:i+1]), true); err != nil {
			return i, err
		}
	}
	return len(list), nil
}

// Get takes the next item, and waits for one until ctx ends. Errors: io.EOF when the
// queue was closed by CloseWrite and is drained, ErrClosed when the handle is closed,
// the context's; ErrType if the item does not decode into T, which is lost then.
func (q *Queue[T]) Get(ctx context.Context) (item T, err error) {
	err = q.getInto(ctx, "get", true, &item)
	return item, err
}

// GetInto is Get into *item, which an error leaves as it is. If T is []byte and *item has
// room for what comes, its memory is used again: for large items that is several times
// faster.
func (q *Queue[T]) GetInto(ctx context.Context, item *T) error {
	return q.getInto(ctx, "get into", true, item)
}

// TryGet is Get without waiting: ErrEmpty if there is none.
func (q *Queue[T]) TryGet() (item T, err error) {
	err = q.getInto(context.Background(), "try get", false, &item)
	return item, err
}

func (q *Queue[T]) getInto(ctx context.Context, op string, wait bool, item *T) error {
	items, err := q.use(op)
	if err != nil {
		return err
	}
	if items == nil {
		return q.getRemote(ctx, op, wait, item)
	}
	if !q.h.obj.Enter() {
		return q.h.wrap(op, ErrClosed)
	}
	defer q.h.obj.Leave()
	var c shm.Claim
	var whole []byte // of an item to decode
	switch q.form {
	case formFixed:
		dst := shm.BytesOfOne(item)
		put := func(b []byte) { copy(dst, b) }
		c, err = items.Get(ctx, wait, put, put)
	case formBytes:
		dst := shm.BytesIn(item)
		var text []byte
		if text, whole, c, err = getText(ctx, items, wait, cborBytes, *dst); err == nil && whole == nil {
			*dst = text
		}
	case formText:
		var text []byte
		if text, whole, c, err = getText(ctx, items, wait, cborText, nil); err == nil && whole == nil {
			shm.SetText(item, text)
		}
	default:
		return q.getEncoded(ctx, items, op, wait, item)
	}
	if err != nil {
		return q.wrapGet(op, err)
	}
	q.h.obj.Acquire()
	if c != 0 {
		q.claim(c)
	}
	if whole != nil {
		return q.h.wrap(op, decodeInto(whole, item))
	}
	return nil
}

// wrapGet leaves io.EOF as it is, as readers do.
func (q *Queue[T]) wrapGet(op string, err error) error {
	if err == io.EOF {
		return err
	}
	return q.h.wrap(op, err)
}

// GetMany fills list with what is there, and returns how many; it waits only for the
// first. Errors: as Get's.
func (q *Queue[T]) GetMany(ctx context.Context, list []T) (int, error) {
	items, err := q.use("get many")
	if err != nil || len(list) == 0 {
		return 0, err
	}
	if items == nil {
		return q.getManyRemote(ctx, list)
	}
	if q.form != formFixed {
		return q.getManyEncoded(ctx, list)
	}
	dst := shm.BytesOf(list)
	claims, n, err := items.GetMany(ctx, len(list), func(i int, b []byte) { copy(dst[i*q.size:(i+1)*q.size], b) })
	q.h.obj.Acquire()
	for _, c := range claims {
		q.claim(c)
	}
	if err != nil {
		err = q.wrapGet("get many", err)
	}
	return n, err
}

func (q *Queue[T]) getManyEncoded(ctx context.Context, list []T) (n int, err error) {
	for ; n < len(list); n++ {
		err = q.getInto(ctx, "get many", n == 0, &list[n])
		if n > 0 && (errors.Is(err, ErrEmpty) || err == io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// All gives the items as they come, until the queue is closed and drained. Another
// error than io.EOF ends it, and is given.
func (q *Queue[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			item, err := q.Get(ctx)
			if err == io.EOF || !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// CloseWrite ends the queue, like close of a channel: Get drains it, then answers
// io.EOF; Put answers ErrClosed, also to those who wait in it. ErrClosed: it was closed
// already.
func (q *Queue[T]) CloseWrite() error {
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

// claim remembers an item that awaits TaskDone.
func (q *Queue[T]) claim(c shm.Claim) {
	q.mu.Lock()
	q.claims = append(q.claims, c)
	q.mu.Unlock()
}

// TaskDone says that the work on an item is done: with AtLeastOnce, on the oldest that
// this handle took and that was not confirmed. Goroutines that work on items side by
// side and finish in another order open a handle each. ErrOverRelease: there is no such
// item.
func (q *Queue[T]) TaskDone() error {
	items, err := q.use("task done")
	if err != nil {
		return err
	}
	if items == nil {
		return q.h.tell("task done", "taskdone", nil)
	}
	q.h.obj.Release()
	if !items.Confirms() {
		return q.h.wrap("task done", items.DoneAny())
	}
	q.mu.Lock()
	if len(q.claims) == 0 {
		q.mu.Unlock()
		return q.h.wrap("task done", ErrOverRelease)
	}
	c := q.claims[0]
	q.claims = q.claims[1:]
	q.mu.Unlock()
	return q.h.wrap("task done", items.Done(context.Background(), c))
}

// Join waits until every item that was put has been confirmed by TaskDone. Errors:
// ErrClosed when the handle is closed, the context's.
func (q *Queue[T]) Join(ctx context.Context) error {
	items, err := q.use("join")
	if err != nil {
		return err
	}
	if items == nil {
		return q.h.ask(ctx, "join", "join", nil)
	}
	err = items.Join(ctx)
	q.h.obj.Acquire()
	return q.h.wrap("join", err)
}

// Len is the number of items that can be taken now; 0 once the handle is closed.
func (q *Queue[T]) Len() int {
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
func (q *Queue[T]) Cap() int {
	items, err := q.use("cap")
	if err != nil {
		return 0
	}
	if items == nil {
		return q.h.capRemote()
	}
	return items.Cap()
}

// Empty reports that Len is 0.
func (q *Queue[T]) Empty() bool { return q.Len() == 0 }

// Full reports that Put would wait. A queue without Cap is never full.
func (q *Queue[T]) Full() bool {
	items, err := q.use("full")
	if err == nil && items == nil {
		limit := q.h.capRemote()
		return limit > 0 && q.h.lenRemote() >= limit
	}
	return err == nil && items.Full()
}

// Name is the name by which other processes open the queue.
func (q *Queue[T]) Name() string {
	if q == nil {
		return ""
	}
	return q.h.nameOf()
}

// Err says why the last method without an error could not do its work: ErrClosed; on a
// remote handle also what the round trip failed with; or nil if it could.
func (q *Queue[T]) Err() error {
	items, err := q.use("use")
	if items == nil && err == nil {
		return q.h.lastErr()
	}
	return err
}

// Close detaches this handle. Items that it took and did not confirm go back.
func (q *Queue[T]) Close() error {
	items, err := q.use("close")
	if err != nil {
		return err
	}
	if items == nil { // the coordinator knows what this handle took
		return q.h.close(shm.Queue)
	}
	q.mu.Lock()
	claims := q.claims
	q.claims = nil
	q.mu.Unlock()
	for i := len(claims) - 1; i >= 0; i-- {
		_ = items.Return(context.Background(), claims[i]) // fails only if it is not ours any more
	}
	return q.h.close(shm.Queue)
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (q *Queue[T]) MarshalCBOR() ([]byte, error) {
	if q == nil {
		return cborNull, nil
	}
	return marshalHandle(q.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (q *Queue[T]) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalHandle(b, shm.Queue)
	if err != nil {
		return err
	}
	return q.open(m, "open", name, nil)
}
