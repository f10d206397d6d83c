package carom

import (
	"context"
	"iter"
	"reflect"

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
type Dict[K comparable, V any] struct{ base[none] }

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
	d := new(Dict[K, V])
	return opened(d, d.open(m, "new", name, opts))
}

// OpenDict attaches to the dict called name. ErrNotFound: there is none.
func OpenDict[K comparable, V any](m *Manager, name string) (*Dict[K, V], error) {
	d := new(Dict[K, V])
	return opened(d, d.reopen(m, name))
}

func (d *Dict[K, V]) reopen(m *Manager, name string) error { return d.open(m, "open", name, nil) }

func (d *Dict[K, V]) open(m *Manager, op, name string, opts []Option) error {
	return d.serve(m, op, "Dict", name, "dict["+codec.SignatureOf[K]()+"]"+codec.SignatureOf[V](), opts)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (d *Dict[K, V]) UnmarshalCBOR(b []byte) error { return d.attach(b, "Dict", d.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (d *Dict[K, V]) UnmarshalJSON(b []byte) error { return d.attach(b, "Dict", d.reopen) }

// Get returns the value of key, and whether there is one.
func (d *Dict[K, V]) Get(ctx context.Context, key K) (value V, ok bool, err error) {
	q := d.h.request("get", 1)
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
	q := d.h.request("set", 2)
	defer q.end()
	q.value(key)
	q.value(value)
	q.do(ctx, "set")
	return q.err
}

// SetDefault stores value under key if there is none. It returns what is there
// then, and whether that was there before.
func (d *Dict[K, V]) SetDefault(ctx context.Context, key K, value V) (actual V, loaded bool, err error) {
	q := d.h.request("setdefault", 2)
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
	q := d.h.request("delete", 1)
	defer q.end()
	q.value(key)
	q.do(ctx, "delete")
	return q.err
}

// Pop removes key and returns the value that it had, and whether it had one.
func (d *Dict[K, V]) Pop(ctx context.Context, key K) (value V, ok bool, err error) {
	q := d.h.request("pop", 1)
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
	q := d.h.request("pop item", 0)
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
	q := d.h.request("update", 2*len(src))
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
	q := d.h.request("get many", len(keys))
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
	q := d.h.request("contains", 1)
	defer q.end()
	q.value(key)
	return q.do(ctx, "contains") && q.in.Bool(), q.err
}

// Len is the number of entries.
func (d *Dict[K, V]) Len(ctx context.Context) (int, error) {
	q := d.h.request("len", 0)
	defer q.end()
	if !q.do(ctx, "len") {
		return 0, q.err
	}
	return q.readInt(), q.decoded()
}

// Clear removes all entries.
func (d *Dict[K, V]) Clear(ctx context.Context) error {
	q := d.h.request("clear", 0)
	defer q.end()
	q.do(ctx, "clear")
	return q.err
}

// All ranges over the entries in the order of their insertion, in chunks, so
// that a dict of any size takes little memory here and at the coordinator.
// Others may change the dict meanwhile: an entry that is there all along is met
// exactly once, one that is removed or changed on the way is met as it was or
// as it is, and one that is inserted after the start is not met. An error ends
// it.
func (d *Dict[K, V]) All(ctx context.Context) iter.Seq2[Entry[K, V], error] {
	return func(yield func(Entry[K, V], error) bool) {
		var after, until uint64
		for more := true; more; more = after != until {
			var chunk []Entry[K, V]
			var err error
			if chunk, after, until, err = d.scan(ctx, after, until); err != nil {
				yield(Entry[K, V]{}, err)
				return
			}
			for _, e := range chunk {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// scanChunk is the most entries that one step of an iteration brings.
const scanChunk = 4096

func (d *Dict[K, V]) scan(ctx context.Context, after, until uint64) ([]Entry[K, V], uint64, uint64, error) {
	q := d.h.request("iterate", 3)
	defer q.end()
	q.uint(after)
	q.uint(until)
	q.int(scanChunk)
	if !q.do(ctx, "scan") {
		return nil, 0, 0, q.err
	}
	q.enter(3)
	after, until = q.in.Uint(), q.in.Uint()
	chunk := make([]Entry[K, V], q.in.Array()/3)
	for i := range chunk {
		q.read(&chunk[i].Key)
		q.read(&chunk[i].Value)
		chunk[i].Version = q.in.Uint()
	}
	return chunk, after, until, q.decoded()
}

// Snapshot returns all entries as they were at one moment.
func (d *Dict[K, V]) Snapshot(ctx context.Context) (map[K]V, error) {
	all := map[K]V{}
	q := d.h.request("snapshot", 1)
	defer q.end()
	q.uint(snapshotItems)
	q.collect(ctx, "snapshot", func() {
		var k K
		var v V
		q.read(&k)
		q.read(&v)
		all[k] = v
	})
	if q.err != nil {
		return nil, q.err
	}
	return all, nil
}

// Keys returns the keys as they were at one moment, in the order of their
// insertion.
func (d *Dict[K, V]) Keys(ctx context.Context) ([]K, error) {
	return part[K](ctx, d.h.request("keys", 1), snapshotKeys)
}

// Values returns the values as they were at one moment, in the order of their
// keys' insertion.
func (d *Dict[K, V]) Values(ctx context.Context) ([]V, error) {
	return part[V](ctx, d.h.request("values", 1), snapshotValues)
}

// Parts of a snapshot, as the protocol numbers them.
const (
	snapshotItems  = 0
	snapshotKeys   = 1
	snapshotValues = 2
)

func part[T any](ctx context.Context, q *request, which uint64) ([]T, error) {
	defer q.end()
	q.uint(which)
	return snapshot[T](ctx, q)
}

// snapshot collects the items of a snapshot stream.
func snapshot[T any](ctx context.Context, q *request) ([]T, error) {
	all := []T{}
	q.collect(ctx, "snapshot", func() {
		var v T
		q.read(&v)
		all = append(all, v)
	})
	if q.err != nil {
		return nil, q.err
	}
	return all, nil
}

// Compute stores what f makes of the value of key, and returns it. f gets the
// zero value and false if there is none; it runs in this process, without any
// lock, and again whenever somebody else changed the entry in the meantime. An
// error of f is returned as it is, and nothing is stored.
func (d *Dict[K, V]) Compute(ctx context.Context, key K, f func(old V, ok bool) (V, error)) (V, error) {
	var zero V
	old, version, err := d.versioned(ctx, key)
	for err == nil {
		var value V
		if value, err = f(old, version != 0); err != nil {
			return zero, err
		}
		var done bool
		if done, old, version, err = d.compareAndSwap(ctx, key, version, value); done {
			return value, err
		}
	}
	return zero, err
}

// versioned is Get with the version, 0 if key is not there.
func (d *Dict[K, V]) versioned(ctx context.Context, key K) (value V, version uint64, err error) {
	q := d.h.request("compute", 1)
	defer q.end()
	q.value(key)
	if q.do(ctx, "get") && !q.null() {
		q.enter(2)
		q.read(&value)
		version = q.in.Uint()
		return value, version, q.decoded()
	}
	return value, 0, q.err
}

// compareAndSwap stores value if the entry still has the version, or returns
// what is there instead.
func (d *Dict[K, V]) compareAndSwap(ctx context.Context, key K, version uint64, value V) (done bool, current V, now uint64, err error) {
	q := d.h.request("compute", 3)
	defer q.end()
	q.value(key)
	q.uint(version)
	q.value(value)
	if !q.do(ctx, "cas") {
		return false, current, 0, q.err
	}
	q.enter(3)
	done, now = q.in.Bool(), q.in.Uint()
	if !done && !q.null() {
		q.read(&current)
	}
	return done, current, now, q.decoded()
}

// AddKey adds delta to the value of key, which counts as zero if it is not
// there, and returns the sum. It is one atomic round trip. Integers wrap as
// they do in Go. ErrType: what is there is not a number.
func AddKey[K comparable, V Number](ctx context.Context, d *Dict[K, V], key K, delta V) (V, error) {
	var sum V
	q := d.h.request("add", 3)
	defer q.end()
	q.value(key)
	q.value(delta)
	q.text(reflect.TypeFor[V]().Kind().String())
	if q.do(ctx, "add") {
		q.read(&sum)
	}
	return sum, q.err
}
