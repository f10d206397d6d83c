package carom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// Queue is a first-in, first-out queue of Ts between any number of producers and
// consumers. Ts of fixed size that are free of pointers are copied; all others travel
// as CBOR.
//
// An item is wholly in or not at all, whatever kills its producer, and a consumer that
// is killed has taken it or not: no process waits for a dead one. With the option
// AtLeastOnce, an item stays the queue's until TaskDone: what a dead process, or a
// closed handle, had taken and not confirmed goes back to the front. That includes items
// that do not decode. Until its TaskDone an item keeps its own bytes and up to 64 KiB of the
// arena beside them, however many items pass behind it.
//
// With Cap, Put waits for room; without, the queue is bounded by the arena's budget,
// beyond which Put answers ErrNoMemory.
type Queue[T any] struct {
	base[shm.Items]
	form itemForm
	size int // of a T that goes in by copy

	mu     sync.Mutex // guards claims
	claims []shm.Claim
}

// NewQueue makes sure that there is a queue called name, and attaches to it. "" asks
// for a name of its own. Options: Cap, AtLeastOnce, Exclusive. Errors: ErrType if the
// name belongs to something else, to an element type that is not compatible or to other
// options, if part of a T would not arrive (see "Types that travel"), or if Cap is negative;
// ErrExists with Exclusive; ErrNoMemory.
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
	return opened(q, q.reopen(m, name))
}

func (q *Queue[T]) reopen(m *Manager, name string) error { return q.open(m, "open", name, nil) }

func (q *Queue[T]) open(m *Manager, op, name string, opts []Option) error {
	layout := codec.LayoutOf[T]()
	typ := layout.Signature
	q.form, q.size = formOf[T](layout), int(layout.Size)
	var err error
	if q.form == formFixed {
		err = usable(layout, m)
	} else {
		typ, err = codec.SignatureOf[T](), codec.Travels[T]()
	}
	if err != nil {
		return opError(op, shm.Queue.String(), name, err)
	}
	h, err := openItems(m, op, shm.Queue, name, typ, opts)
	if err != nil {
		return err
	}
	if q.h = h; h.obj != nil {
		q.bind(h, shm.ItemsOf(h.obj), q.returnClaims)
	}
	return nil
}

// openItems opens the queue of bytes below a Queue or a ByteQueue.
func openItems(m *Manager, op string, kind shm.Kind, name, typ string, opts []Option) (*handle, error) {
	o, err := readOptions(kind.String(), opts)
	if err == nil && o.cap < 0 {
		err = fmt.Errorf("%w: a cap of %d", ErrType, o.cap)
	}
	if err != nil {
		return nil, opError(op, kind.String(), name, err)
	}
	w := wanted{op: op, spec: shm.QueueSpec(kind, name, typ, o.cap, o.atLeastOnce)}
	w.spec.Exclusive, w.spec.Any = o.exclusive, op == "open"
	switch {
	case !isServed(m):
	case kind == shm.ByteQueue:
		w.params = coord.AppendUint(coord.AppendArray(nil, 1), uint64(o.cap))
	default:
		w.params = coord.AppendBool(coord.AppendUint(coord.AppendArray(nil, 2), uint64(o.cap)), o.atLeastOnce)
	}
	return openShared(m, w)
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
	if q.form != formFixed {
		return q.putVariable(ctx, items, op, item, wait)
	}
	q.h.publish()
	err = items.Put(ctx, nil, shm.BytesOfOne(&item), wait)
	q.h.obj.Leave()
	if err != nil {
		return q.h.fail(op, err)
	}
	return nil
}

// putVariable ends a call that puts an item which is no copy of T.
func (q *Queue[T]) putVariable(ctx context.Context, items *shm.Items, op string, item T, wait bool) (err error) {
	defer q.leave() // also where T's own marshaller panics
	q.h.publish()
	switch q.form {
	case formBytes:
		err = putText(ctx, items, *shm.BytesIn(&item), codec.Bytes, wait)
	case formText:
		err = putText(ctx, items, shm.TextIn(&item), codec.Text, wait)
	default:
		err = q.putEncoded(ctx, items, item, wait)
	}
	if err != nil {
		return q.h.fail(op, err)
	}
	return nil
}

func (q *Queue[T]) putRemote(ctx context.Context, op string, item T, wait bool) error {
	b, err := q.appendItem(nil, item)
	switch {
	case err != nil:
		return q.h.fail(op, err)
	case wait:
		return q.h.ask(ctx, op, "put", nil, b)
	}
	return q.h.tell(op, "tryput", nil, b)
}

// PutMany appends items, as many at once as there is room, and waits for more. It
// returns how many it stored, fewer than all only with an error, as Put's.
func (q *Queue[T]) PutMany(ctx context.Context, list []T) (int, error) {
	const op = "put many"
	items, err := q.use(op)
	if err != nil {
		return 0, err
	}
	if items == nil {
		return q.putManyRemote(ctx, op, list)
	}
	defer q.leave()
	if q.form == formFixed {
		q.h.publish()
		n, err := q.putManyFixed(ctx, items, list)
		return n, q.h.fail(op, err)
	}
	for i, item := range list {
		if err := q.put(ctx, op, item, true); err != nil {
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

// putManyRemote sends as many items at once as go into one request.
func (q *Queue[T]) putManyRemote(ctx context.Context, op string, list []T) (int, error) {
	done := 0
	for done < len(list) {
		var items []any
		for size := 0; done+len(items) < len(list) && size < q.h.r.piece && len(items) < maxPiece/16; {
			b, err := q.appendItem(nil, list[done+len(items)])
			if err != nil && len(items) == 0 {
				return done, q.h.fail(op, err)
			}
			if err != nil || len(items) > 0 && size+len(b) > q.h.r.piece {
				break // what comes before goes first
			}
			items = append(items, b)
			size += len(b)
		}
		stored := 0
		var why error
		err := q.h.ask(ctx, op, "putmany", func(in *coord.Reader) error {
			in.Args(2)
			stored = int(in.Uint())
			if !in.Null() {
				in.Args(2)
				code, text := in.Text(), in.Text()
				why = errs.FromCode(code, text)
			}
			return nil
		}, items...)
		if err == nil && why != nil {
			err = q.h.ended(ctx, op, q.h.fail(op, why))
		}
		done += stored
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Get takes the next item, and waits for one until ctx ends. Errors: io.EOF when the
// queue was closed by CloseWrite and is drained, ErrClosed when the handle is closed,
// the context's; ErrType if the item does not decode into T, though it is taken: with
// AtLeastOnce it awaits TaskDone like any other, in its turn, without it is lost.
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
	if q.form != formFixed {
		defer q.leave() // also where T's own unmarshaller panics
		return q.take(ctx, items, op, wait, item)
	}
	dst := shm.BytesOfOne(item)
	put := func(b []byte) { copy(dst, b) }
	c, err := items.Get(ctx, wait, put, put)
	if err == nil {
		q.h.observe()
		if c != 0 {
			q.claim(c)
		}
	}
	q.h.obj.Leave()
	if err != nil {
		return q.failGet(op, err)
	}
	return nil
}

// take takes an item that is no copy of T, within a call.
func (q *Queue[T]) take(ctx context.Context, items *shm.Items, op string, wait bool, item *T) (err error) {
	var c shm.Claim
	var whole []byte // of an item to decode
	switch q.form {
	case formBytes:
		dst := shm.BytesIn(item)
		var text []byte
		if text, whole, c, err = getText(ctx, items, wait, codec.Bytes, *dst); err == nil && whole == nil {
			*dst = text
		}
	case formText:
		var text []byte
		if text, whole, c, err = getText(ctx, items, wait, codec.Text, nil); err == nil && whole == nil {
			shm.SetText(item, text)
		}
	default:
		return q.getEncoded(ctx, items, op, wait, item)
	}
	if err != nil {
		return q.failGet(op, err)
	}
	q.h.observe()
	place := q.claim(c)
	if whole != nil {
		return q.decoded(op, place, decodeInto(whole, item))
	}
	return nil
}

// getRemote uses the memory of a []byte again, as it does where the queue is mapped.
func (q *Queue[T]) getRemote(ctx context.Context, op string, wait bool, item *T) error {
	b, err := q.h.takeRemote(ctx, op, wait)
	if err != nil {
		return err
	}
	if q.form == formBytes {
		into := shm.BytesIn(item)
		if body, whole := textOf(b, codec.Bytes, *into); whole == nil {
			*into = body
			return nil
		}
	}
	got, err := q.fromItem(b)
	if err == nil {
		*item = got
	}
	return q.decoded(op, q.placeRemote(), err)
}

// placeRemote is claim where the coordinator keeps the claims.
func (q *Queue[T]) placeRemote() int {
	known := q.h.r.known()
	if known.Uint(); known.Bool() {
		return somewhere
	}
	return 0
}

// takeRemote takes an item's bytes. io.EOF stays as it is.
func (h *handle) takeRemote(ctx context.Context, op string, wait bool) (b []byte, err error) {
	if wait {
		err = h.ask(ctx, op, "get", intoBytes(&b))
	} else {
		err = h.tell(op, "tryget", intoBytes(&b))
	}
	return b, drained(err)
}

// drained is io.EOF where that is the queue's and not a connection's.
func drained(err error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, ErrUnavailable) {
		return io.EOF
	}
	return err
}

// failGet leaves io.EOF as it is, as readers do.
func (q *Queue[T]) failGet(op string, err error) error {
	if err == io.EOF {
		return err
	}
	return q.h.fail(op, err)
}

// GetMany fills list with what is there, and returns how many; it waits only for the
// first. Errors: as Get's. An item that does not decode is left out of list; the error says
// which of those taken it was, counted from 0.
func (q *Queue[T]) GetMany(ctx context.Context, list []T) (int, error) {
	const op = "get many"
	items, err := q.use(op)
	if err != nil {
		return 0, err
	}
	if items != nil {
		defer q.leave()
	}
	switch {
	case len(list) == 0:
		return 0, nil
	case items == nil:
		return q.getManyRemote(ctx, op, list)
	case q.form != formFixed:
		return q.getManyEncoded(ctx, items, op, list)
	}
	dst := shm.BytesOf(list)
	claims, n, err := items.GetMany(ctx, len(list), func(i int, b []byte) { copy(dst[i*q.size:(i+1)*q.size], b) })
	q.h.observe()
	for _, c := range claims {
		q.claim(c)
	}
	if err != nil {
		err = q.failGet(op, err)
	}
	return n, err
}

func (q *Queue[T]) getManyEncoded(ctx context.Context, items *shm.Items, op string, list []T) (n int, err error) {
	for ; n < len(list); n++ {
		err = q.take(ctx, items, op, n == 0, &list[n])
		if n > 0 && (errors.Is(err, ErrEmpty) || errors.Is(err, ErrClosed) || err == io.EOF || ended(ctx, err)) {
			return n, nil
		}
		if err != nil {
			var u *undecodable
			if errors.As(err, &u) {
				u.part = fmt.Sprintf("item %d", n)
			}
			return n, err
		}
	}
	return n, nil
}

// ended reports that an error is the end of ctx.
func ended(ctx context.Context, err error) bool { return ctx.Err() != nil && errors.Is(err, ctx.Err()) }

// getManyRemote fills list with what is there, one reply at a time.
func (q *Queue[T]) getManyRemote(ctx context.Context, op string, list []T) (n int, err error) {
	var bad unfit
	err = q.h.ask(ctx, op, "getmany", func(in *coord.Reader) error {
		for i := range min(in.Array(), len(list)) {
			item, err := q.fromItem(in.Bytes())
			if err != nil {
				bad.add(&undecodable{part: fmt.Sprintf("item %d", i), err: err, remark: remark(q.placeRemote())})
				continue
			}
			list[n] = item
			n++
		}
		return nil
	}, uint64(len(list)))
	if err != nil {
		return n, drained(err)
	}
	return n, q.h.fail(op, bad.err())
}

// All gives the items as they come, until the queue is closed and drained. An item that
// does not decode comes as the error that Get gives for it, and the range goes on behind
// it. Any other error ends it, and is given unless it is io.EOF.
func (q *Queue[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			item, err := q.Get(ctx)
			if err == io.EOF || !yield(item, err) || err != nil && !isUndecodable(err) {
				return
			}
		}
	}
}

// CloseWrite ends the queue, like close of a channel: Get drains it, then answers
// io.EOF; Put answers ErrClosed, also to those who wait in it. ErrClosed: it was closed
// already.
func (q *Queue[T]) CloseWrite() error { return closeWrite(&q.base) }

func closeWrite(b *base[shm.Items]) error {
	const op = "close write"
	items, err := b.use(op)
	if err != nil {
		return err
	}
	if items == nil {
		return b.h.tell(op, "closewrite", nil)
	}
	defer b.leave()
	ctx, cancel := constructorContext(b.h.m)
	defer cancel()
	return b.h.fail(op, items.CloseWrite(ctx))
}

// claim remembers an item that awaits TaskDone, if it does, and returns its place among
// those of this handle that do, from 1.
func (q *Queue[T]) claim(c shm.Claim) (place int) {
	if c == 0 {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.claims = append(q.claims, c)
	return len(q.claims)
}

// returnClaims gives back what was taken and not confirmed, when the handle is closed and no
// call is inside any more.
func (q *Queue[T]) returnClaims() {
	q.mu.Lock()
	claims := q.claims
	q.claims = nil
	q.mu.Unlock()
	if len(claims) == 0 {
		return
	}
	items := shm.ItemsOf(q.h.obj)
	for _, c := range slices.Backward(claims) {
		_ = items.Return(context.Background(), c) // fails only if it is not ours any more
	}
}

// TaskDone says that the work on an item is done: with AtLeastOnce, on the oldest that
// this handle took and that was not confirmed. Goroutines that work on items side by
// side and finish in another order open a handle each. ErrOverRelease: there is no such
// item.
func (q *Queue[T]) TaskDone() error {
	const op = "task done"
	items, err := q.use(op)
	if err != nil {
		return err
	}
	if items == nil {
		return q.h.tell(op, "taskdone", nil)
	}
	defer q.leave()
	q.h.publish()
	if !items.Confirms() {
		return q.h.fail(op, items.DoneAny())
	}
	q.mu.Lock()
	if len(q.claims) == 0 {
		q.mu.Unlock()
		return q.h.fail(op, ErrOverRelease)
	}
	c := q.claims[0]
	q.claims = q.claims[1:]
	q.mu.Unlock()
	return q.h.fail(op, items.Done(context.Background(), c))
}

// Join waits until every item that was put has been confirmed by TaskDone. Errors:
// ErrClosed when the handle is closed, the context's.
func (q *Queue[T]) Join(ctx context.Context) error {
	const op = "join"
	items, err := q.use(op)
	if err != nil {
		return err
	}
	if items == nil {
		return q.h.ask(ctx, op, "join", nil)
	}
	defer q.leave()
	err = items.Join(ctx)
	q.h.observe()
	return q.h.fail(op, err)
}

// Len is the number of items that can be taken now; 0 once the handle is closed.
func (q *Queue[T]) Len() int { return lenOf(&q.base) }

func lenOf(b *base[shm.Items]) (n int) {
	items, err := b.use("len")
	switch {
	case err != nil:
		return 0
	case items == nil:
		_ = b.h.look("len", "len", intoInt(&n))
		return n
	}
	defer b.leave()
	return items.Len()
}

// Cap is the limit in items; 0: none but memory.
func (q *Queue[T]) Cap() int { return capOf(&q.base) }

func capOf(b *base[shm.Items]) int {
	items, err := b.use("cap")
	switch {
	case err != nil:
		return 0
	case items == nil:
		return int(b.h.r.known().Uint()) // the first that the kind tells
	}
	defer b.leave()
	return items.Cap()
}

// Empty reports that Len is 0.
func (q *Queue[T]) Empty() bool { return q.Len() == 0 }

// Full reports that Put would wait. A queue without Cap is never full.
func (q *Queue[T]) Full() bool {
	limit := q.Cap()
	return limit > 0 && q.Len() >= limit
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (q *Queue[T]) UnmarshalCBOR(b []byte) error { return q.attach(b, "Queue", q.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (q *Queue[T]) UnmarshalJSON(b []byte) error { return q.attach(b, "Queue", q.reopen) }
