package carom

import (
	"context"
	"fmt"
	"iter"

	"github.com/carom-ipc/carom/internal/codec"
)

// List is a sequence in the coordinator, shared by all processes that open it.
//
// Indices are those of Python: -1 is the last item. The methods that need an
// item at an index return ErrNotFound if there is none; ranges and places to
// insert at are clipped to the list instead. Items are equal if their CBOR is: to
// Remove, Index, Count and Contains, an item that a program wrote whose T has a field
// more is another, also where that field is zero.
//
// Each method is one atomic step at the coordinator, unless it says otherwise.
// Errors beside these are those of Dict.
type List[T any] struct{ base[none] }

// NewList makes sure that there is a list called name, and attaches to it. ""
// asks for a name of its own. Errors: ErrType if the name belongs to something
// else, or to a list of a type that is not compatible, or if part of a T would
// not arrive (see "Types that travel"); with the option Exclusive, ErrExists if
// it belongs to anything.
func NewList[T any](m *Manager, name string, opts ...Option) (*List[T], error) {
	l := new(List[T])
	return opened(l, l.open(m, "new", name, opts))
}

// OpenList attaches to the list called name. ErrNotFound: there is none.
func OpenList[T any](m *Manager, name string) (*List[T], error) {
	l := new(List[T])
	return opened(l, l.reopen(m, name))
}

func (l *List[T]) reopen(m *Manager, name string) error { return l.open(m, "open", name, nil) }

func (l *List[T]) open(m *Manager, op, name string, opts []Option) error {
	if err := codec.Travels[T](); err != nil {
		return opError(op, "List", name, err)
	}
	return l.serve(m, op, "List", name, "list["+codec.SignatureOf[T]()+"]", opts)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (l *List[T]) UnmarshalCBOR(b []byte) error { return l.attach(b, "List", l.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (l *List[T]) UnmarshalJSON(b []byte) error { return l.attach(b, "List", l.reopen) }

// Append adds items at the end, next to each other.
func (l *List[T]) Append(ctx context.Context, items ...T) error {
	q := l.h.request("append", len(items))
	defer q.end()
	for _, v := range items {
		q.value(v)
	}
	q.do(ctx, "append")
	return q.err
}

// Insert adds items before the one at index i.
func (l *List[T]) Insert(ctx context.Context, i int, items ...T) error {
	q := l.h.request("insert", 1+len(items))
	defer q.end()
	q.int(i)
	for _, v := range items {
		q.value(v)
	}
	q.do(ctx, "insert")
	return q.err
}

// Get returns the item at index i.
func (l *List[T]) Get(ctx context.Context, i int) (T, error) {
	return l.itemAt(ctx, "get", i)
}

// Pop removes the item at index i, -1 for the last, and returns it. An item that
// does not decode is removed all the same; Get first where that may be.
func (l *List[T]) Pop(ctx context.Context, i int) (T, error) {
	return l.itemAt(ctx, "pop", i)
}

func (l *List[T]) itemAt(ctx context.Context, method string, i int) (item T, err error) {
	q := l.h.request(method, 1)
	defer q.end()
	q.int(i)
	if q.do(ctx, method) {
		q.read(&item)
	}
	return item, q.err
}

// Set replaces the item at index i.
func (l *List[T]) Set(ctx context.Context, i int, item T) error {
	q := l.h.request("set", 2)
	defer q.end()
	q.int(i)
	q.value(item)
	q.do(ctx, "set")
	return q.err
}

// Delete removes the items from index i up to, not including, j.
func (l *List[T]) Delete(ctx context.Context, i, j int) error {
	q := l.h.request("delete", 2)
	defer q.end()
	q.int(i)
	q.int(j)
	q.do(ctx, "delete")
	return q.err
}

// Slice returns the items from index i up to, not including, j. If some do not
// decode, it returns the others, and an ErrType that names the first, counted from
// i.
func (l *List[T]) Slice(ctx context.Context, i, j int) ([]T, error) {
	q := l.h.request("slice", 2)
	defer q.end()
	q.int(i)
	q.int(j)
	if !q.do(ctx, "slice") {
		return nil, q.err
	}
	items := make([]T, 0, q.in.Array())
	var bad unfit
	for i := range cap(items) {
		var v T
		if err := part(q, &v); err != nil {
			bad.add(atIndex(i, err))
		} else {
			items = append(items, v)
		}
	}
	if err := q.decoded(); err != nil {
		return nil, err
	}
	q.fail(bad.err())
	return items, q.err
}

// atIndex is the error of an item that does not decode.
func atIndex(i int, err error) error {
	return &undecodable{part: fmt.Sprintf("item %d", i), err: err}
}

// Remove removes the first item that is equal to item. ErrNotFound: there is
// none.
func (l *List[T]) Remove(ctx context.Context, item T) error {
	q := l.h.request("remove", 1)
	defer q.end()
	q.value(item)
	q.do(ctx, "remove")
	return q.err
}

// Index returns the index of the first item that is equal to item.
// ErrNotFound: there is none.
func (l *List[T]) Index(ctx context.Context, item T) (int, error) {
	return l.number(ctx, "index", item)
}

// Count returns how many items are equal to item.
func (l *List[T]) Count(ctx context.Context, item T) (int, error) {
	return l.number(ctx, "count", item)
}

// Len is the number of items.
func (l *List[T]) Len(ctx context.Context) (int, error) { return l.number(ctx, "len") }

func (l *List[T]) number(ctx context.Context, method string, items ...T) (int, error) {
	q := l.h.request(method, len(items))
	defer q.end()
	for _, v := range items {
		q.value(v)
	}
	if !q.do(ctx, method) {
		return 0, q.err
	}
	return q.readInt(), q.decoded()
}

// Contains tells whether some item is equal to item.
func (l *List[T]) Contains(ctx context.Context, item T) (bool, error) {
	q := l.h.request("contains", 1)
	defer q.end()
	q.value(item)
	return q.do(ctx, "contains") && q.in.Bool(), q.err
}

// Reverse reverses the list in place.
func (l *List[T]) Reverse(ctx context.Context) error { return l.change(ctx, "reverse") }

// Sort sorts the list in place. Items that are equal keep their order, NaN
// comes first. ErrType: not all are numbers, or all strings, all []byte or all
// booleans.
func (l *List[T]) Sort(ctx context.Context) error { return l.change(ctx, "sort") }

// Clear removes all items.
func (l *List[T]) Clear(ctx context.Context) error { return l.change(ctx, "clear") }

func (l *List[T]) change(ctx context.Context, method string) error {
	q := l.h.request(method, 0)
	defer q.end()
	q.do(ctx, method)
	return q.err
}

// Snapshot returns all items as they were at one moment. If some do not decode, it
// returns the others, and an ErrType that names the first by its index.
func (l *List[T]) Snapshot(ctx context.Context) ([]T, error) {
	q := l.h.request("snapshot", 0)
	defer q.end()
	return snapshot[T](ctx, q)
}

// All ranges over the items by their index, in chunks. As in Python, what
// others do to the list meanwhile shows: items that they move may be met twice
// or not at all. An item that does not decode comes with an ErrType that names its
// index, and the range goes on behind it. Any other error ends it.
func (l *List[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for next, more := 0, true; more; more = next != 0 {
			var chunk []listed[T]
			var err error
			if chunk, next, err = l.scan(ctx, next); err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, v := range chunk {
				if !yield(v.item, v.err) {
					return
				}
			}
		}
	}
}

// listed is an item as an iteration met it.
type listed[T any] struct {
	item T
	err  error // it does not decode
}

func (l *List[T]) scan(ctx context.Context, start int) (chunk []listed[T], next int, err error) {
	q := l.h.request("iterate", 2)
	defer q.end()
	q.int(start)
	q.int(scanChunk)
	if !q.do(ctx, "scan") {
		return nil, 0, q.err
	}
	q.enter(2)
	next = q.readInt()
	chunk = make([]listed[T], q.in.Array())
	for i := range chunk {
		if err := part(q, &chunk[i].item); err != nil {
			chunk[i].err = l.h.fail("iterate", atIndex(start+i, err))
		}
	}
	return chunk, next, q.decoded()
}
