package carom

import (
	"context"
	"fmt"
	"reflect"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
)

// Dict is a map in the coordinator, shared by all processes that open it. It
// keeps the order of insertion, as Python's dict does: overwriting an entry
// leaves it in its place.
//
// Keys are equal if their CBOR is: 1 and int8(1) are one key, and so are all
// NaNs. Each method is one atomic step at the coordinator, unless it says
// otherwise.
//
// Methods return the context's error as soon as it ends, ErrUnavailable when
// the coordinator is gone, ErrClosed after Close, ErrType for what does not fit
// K or V, ErrNoMemory beyond the coordinator's budget, and ErrTooLarge for what
// does not fit into one message. A change that was cancelled on its way may
// have been made.
type Dict[K comparable, V any] struct{ h *remote }

// Entry is a key of a Dict with its value. Version is different after every
// change of the entry, and only ever grows.
type Entry[K comparable, V any] struct {
	Key     K
	Value   V
	Version uint64
}

// NewDict makes sure that there is a dict called name, and attaches to it. ""
// asks for a name of its own. Errors: ErrType if the name belongs to something
// else, or to a dict of other types; with the option Exclusive, ErrExists if it
// belongs to anything.
func NewDict[K comparable, V any](m *Manager, name string, opts ...Option) (*Dict[K, V], error) {
	mode, err := remoteMode("Dict", name, opts)
	if err != nil {
		return nil, err
	}
	return makeDict[K, V](m, "new", name, mode)
}

// OpenDict attaches to the dict called name. ErrNotFound: there is none.
func OpenDict[K comparable, V any](m *Manager, name string) (*Dict[K, V], error) {
	return makeDict[K, V](m, "open", name, coord.Attach)
}

func makeDict[K comparable, V any](m *Manager, op, name string, mode coord.Mode) (*Dict[K, V], error) {
	if m == nil {
		return nil, &OpError{Op: op, Kind: "Dict", Name: name, Err: errNoManager}
	}
	typ := "dict[" + codec.Signature(reflect.TypeFor[K]()) + "]" + codec.Signature(reflect.TypeFor[V]())
	h, err := openRemote(m, op, "Dict", name, typ, mode)
	if err != nil {
		return nil, err
	}
	return &Dict[K, V]{h}, nil
}

var errNoManager = fmt.Errorf("%w: the manager is nil", ErrClosed)

func (d *Dict[K, V]) remote() *remote {
	if d == nil {
		return nil
	}
	return d.h
}

func (d *Dict[K, V]) call(op string, n int) *remoteCall { return d.remote().call("Dict", op, n) }

// Name is the name under which other processes find the dict.
func (d *Dict[K, V]) Name() string { return d.remote().nameOf() }

// Err is nil, or wraps ErrClosed.
func (d *Dict[K, V]) Err() error { return d.remote().errOf("Dict") }

// Close detaches this handle. The dict stays.
func (d *Dict[K, V]) Close() error { return d.remote().close("Dict") }

// Get returns the value of key, and whether there is one.
func (d *Dict[K, V]) Get(ctx context.Context, key K) (value V, ok bool, err error) {
	q := d.call("get", 1)
	defer q.end()
	q.value(key)
	if q.do(ctx, "get") && !q.null() {
		q.enter(2)
		q.read(&value)
		return value, q.ok(), q.err
	}
	return value, false, q.err
}

// Set stores value under key.
func (d *Dict[K, V]) Set(ctx context.Context, key K, value V) error {
	q := d.call("set", 2)
	defer q.end()
	q.value(key)
	q.value(value)
	q.do(ctx, "set")
	return q.err
}

// SetDefault stores value under key if there is none. It returns what is there
// then, and whether that was there before.
func (d *Dict[K, V]) SetDefault(ctx context.Context, key K, value V) (actual V, loaded bool, err error) {
	q := d.call("setdefault", 2)
	defer q.end()
	q.value(key)
	q.value(value)
	if q.do(ctx, "setdefault") {
		q.enter(3)
		q.read(&actual)
		q.in.Uint()
		loaded = q.in.Bool()
		return actual, loaded, q.decoded()
	}
	return actual, false, q.err
}

// Delete removes key. It is no error if it is not there.
func (d *Dict[K, V]) Delete(ctx context.Context, key K) error {
	q := d.call("delete", 1)
	defer q.end()
	q.value(key)
	q.do(ctx, "delete")
	return q.err
}

// Pop removes key and returns the value that it had, and whether it had one.
func (d *Dict[K, V]) Pop(ctx context.Context, key K) (value V, ok bool, err error) {
	q := d.call("pop", 1)
	defer q.end()
	q.value(key)
	if q.do(ctx, "pop") && !q.null() {
		q.enter(2)
		q.read(&value)
		return value, q.ok(), q.err
	}
	return value, false, q.err
}

// PopItem removes the entry that was inserted last and returns it. ErrNotFound:
// the dict is empty.
func (d *Dict[K, V]) PopItem(ctx context.Context) (key K, value V, err error) {
	q := d.call("pop item", 0)
	defer q.end()
	if q.do(ctx, "popitem") {
		q.enter(3)
		q.read(&key)
		q.read(&value)
	}
	return key, value, q.err
}

// Update stores all entries of src, in one step and in no particular order.
func (d *Dict[K, V]) Update(ctx context.Context, src map[K]V) error {
	q := d.call("update", 2*len(src))
	defer q.end()
	for k, v := range src {
		q.value(k)
		q.value(v)
	}
	q.do(ctx, "update")
	return q.err
}

// GetMany returns the entries of those keys that are there.
func (d *Dict[K, V]) GetMany(ctx context.Context, keys ...K) (map[K]V, error) {
	q := d.call("get many", len(keys))
	defer q.end()
	for _, k := range keys {
		q.value(k)
	}
	if !q.do(ctx, "getmany") {
		return nil, q.err
	}
	found := make(map[K]V)
	q.enter(len(keys))
	for _, k := range keys {
		if q.null() {
			continue
		}
		var v V
		q.enter(2)
		q.read(&v)
		q.in.Uint()
		found[k] = v
	}
	if err := q.decoded(); err != nil {
		return nil, err
	}
	return found, nil
}

// Contains tells whether key is there.
func (d *Dict[K, V]) Contains(ctx context.Context, key K) (bool, error) {
	q := d.call("contains", 1)
	defer q.end()
	q.value(key)
	return q.do(ctx, "contains") && q.in.Bool(), q.err
}

// Len is the number of entries.
func (d *Dict[K, V]) Len(ctx context.Context) (int, error) {
	q := d.call("len", 0)
	defer q.end()
	if !q.do(ctx, "len") {
		return 0, q.err
	}
	return q.readInt(), q.decoded()
}

// Clear removes all entries.
func (d *Dict[K, V]) Clear(ctx context.Context) error {
	q := d.call("clear", 0)
	defer q.end()
	q.do(ctx, "clear")
	return q.err
}
