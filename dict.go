package carom

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/carom-ipc/carom/internal/codec"
)

// Dict is a map in the coordinator, shared by all processes that open it. It
// keeps the order of insertion, as Python's dict does: overwriting an entry
// leaves it in its place.
//
// Keys are equal if their CBOR is: 1 and int8(1) are one key, and so are all
// NaNs, and 0 and -0, which is stored as 0. Each method is one atomic step at the
// coordinator, unless it says otherwise.
//
// Methods return ErrUnavailable when the coordinator is gone, ErrClosed after Close,
// ErrType for what does not fit K or V, ErrNoMemory beyond the coordinator's budget,
// and ErrTooLarge for what does not fit into one message. The context's error means
// that the call changed nothing, and is not going to: where the context ends on the way,
// the method waits for the coordinator to say what became of the call, and returns the
// result of one that was carried out. Only an error that wraps both ErrUnavailable and the
// context's leaves it open: the coordinator did not answer within 5 s (1 s without a
// connection).
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
// else, or to a dict of types that are not compatible, or if part of a K or a V
// would not arrive (see "Types that travel"); with the option Exclusive,
// ErrExists if it belongs to anything.
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
	err := codec.Travels[K]()
	if err == nil {
		err = codec.Travels[V]()
	}
	if err != nil {
		return opError(op, "Dict", name, err)
	}
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
	q.key(key)
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
	q.key(key)
	q.value(value)
	q.do(ctx, "set")
	return q.err
}

// SetDefault stores value under key if there is none. It returns what is there
// then, and whether that was there before.
func (d *Dict[K, V]) SetDefault(ctx context.Context, key K, value V) (actual V, loaded bool, err error) {
	q := d.h.request("setdefault", 2)
	defer q.end()
	q.key(key)
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
	q.key(key)
	q.do(ctx, "delete")
	return q.err
}

// SetIf stores value under key if the entry is of the version, which the caller knows from
// an Entry, a Change or an earlier SetIf. Version 0: if there is no such key. It returns the
// entry's version and whether value was stored: the new one and true, or the present one, 0
// if there is none, and false.
func (d *Dict[K, V]) SetIf(ctx context.Context, key K, value V, version uint64) (uint64, bool, error) {
	done, now, err := d.changeIf(ctx, "set if", key, version, &value, nil)
	return now, done, err
}

// DeleteIf removes key if the entry is of the version, and reports whether it did. No entry
// is of version 0.
func (d *Dict[K, V]) DeleteIf(ctx context.Context, key K, version uint64) (bool, error) {
	done, _, err := d.changeIf(ctx, "delete if", key, version, nil, nil)
	return done, err
}

// Pop removes key and returns the value that it had, and whether it had one. It makes two
// round trips, more if others change the entry meanwhile; the removal is one atomic step. A
// value that does not decode is an ErrType, and stays.
func (d *Dict[K, V]) Pop(ctx context.Context, key K) (value V, ok bool, err error) {
	const op = "pop"
	var zero V
	value, version, err := d.versioned(ctx, op, key)
	for err == nil && version != 0 {
		var done bool
		if done, version, err = d.changeIf(ctx, op, key, version, nil, &value); done && err == nil {
			return value, true, nil
		}
	}
	return zero, false, err
}

// PopItem removes the entry that was inserted last and returns it, as Pop does. ErrNotFound:
// the dict is empty.
func (d *Dict[K, V]) PopItem(ctx context.Context) (key K, value V, err error) {
	for {
		key, value, version, err := d.last(ctx)
		if err != nil {
			return key, value, err
		}
		if done, err := d.popLast(ctx, version); done || err != nil {
			return orZero(&key, err), orZero(&value, err), err
		}
		if err := ctx.Err(); err != nil {
			return orZero(&key, err), orZero(&value, err), err
		}
	}
}

const opPopItem = "pop item"

func (d *Dict[K, V]) last(ctx context.Context) (key K, value V, version uint64, err error) {
	q := d.h.request(opPopItem, 0)
	defer q.end()
	if q.do(ctx, "last") {
		q.enter(3)
		q.fail(readEntry(q, &key, &value))
		version = q.in.Uint()
		_ = q.decoded()
	}
	return orZero(&key, q.err), orZero(&value, q.err), version, q.err
}

// popLast removes the entry that was inserted last if it is of the version.
func (d *Dict[K, V]) popLast(ctx context.Context, version uint64) (done bool, err error) {
	q := d.h.request(opPopItem, 1)
	defer q.end()
	q.uint(version)
	if q.do(ctx, "poplast") {
		done = q.in.Bool()
		_ = q.decoded()
	}
	return done, q.err
}

// Update stores all entries of src, in one step and in no particular order.
func (d *Dict[K, V]) Update(ctx context.Context, src map[K]V) error {
	q := d.h.request("update", 2*len(src))
	defer q.end()
	for k, v := range src {
		q.key(k)
		q.value(v)
	}
	q.do(ctx, "update")
	return q.err
}

// GetMany returns the entries of those keys that are there. If some do not decode, it
// returns the others, and an ErrType that names the first.
func (d *Dict[K, V]) GetMany(ctx context.Context, keys ...K) (map[K]V, error) {
	q := d.h.request("get many", len(keys))
	defer q.end()
	for _, k := range keys {
		q.key(k)
	}
	if !q.do(ctx, "getmany") {
		return nil, q.err
	}
	found := make(map[K]V)
	var bad unfit
	q.enter(len(keys))
	for _, k := range keys {
		if q.null() {
			continue
		}
		var v V
		q.enter(2)
		err := part(q, &v)
		q.in.Uint()
		if err != nil {
			bad.add(atKey(k, err))
			continue
		}
		found[k] = v
	}
	if err := q.decoded(); err != nil {
		return nil, err
	}
	q.fail(bad.err())
	return found, q.err
}

// Contains tells whether key is there.
func (d *Dict[K, V]) Contains(ctx context.Context, key K) (bool, error) {
	q := d.h.request("contains", 1)
	defer q.end()
	q.key(key)
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
// as it is, and one that is inserted after the start is not met.
//
// An entry that does not decode comes with an ErrType that names it, its Version
// and, if that decodes, its Key; the range goes on behind it. Any other error
// ends it.
func (d *Dict[K, V]) All(ctx context.Context) iter.Seq2[Entry[K, V], error] {
	return func(yield func(Entry[K, V], error) bool) {
		var after, until uint64
		for more := true; more; more = after != until {
			var chunk []scanned[K, V]
			var err error
			if chunk, after, until, err = d.scan(ctx, after, until); err != nil {
				yield(Entry[K, V]{}, err)
				return
			}
			for _, e := range chunk {
				if !yield(e.Entry, e.err) {
					return
				}
			}
		}
	}
}

// scanChunk is the most entries that one step of an iteration brings.
const scanChunk = 4096

// scanned is an entry as an iteration met it.
type scanned[K comparable, V any] struct {
	Entry[K, V]
	err error // it does not decode
}

// readEntry reads a key and its value.
func readEntry[K comparable, V any](q *request, key *K, value *V) error {
	kerr, verr := part(q, key), part(q, value)
	switch {
	case kerr != nil:
		return &undecodable{part: "a key", err: kerr}
	case verr != nil:
		return atKey(*key, verr)
	}
	return nil
}

// atKey is the error of the value of key, which does not decode.
func atKey(key any, err error) error {
	text := fmt.Sprintf("key %v", key)
	const most = 100
	if len(text) > most {
		text = text[:most] + "…"
	}
	return &undecodable{part: text, err: err}
}

func (d *Dict[K, V]) scan(ctx context.Context, after, until uint64) ([]scanned[K, V], uint64, uint64, error) {
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
	chunk := make([]scanned[K, V], q.in.Array()/3)
	for i := range chunk {
		chunk[i].err = d.h.fail("iterate", readEntry(q, &chunk[i].Key, &chunk[i].Value))
		chunk[i].Version = q.in.Uint()
	}
	return chunk, after, until, q.decoded()
}

// Snapshot returns all entries as they were at one moment. If some do not
// decode, it returns the others, and an ErrType that names the first.
func (d *Dict[K, V]) Snapshot(ctx context.Context) (map[K]V, error) {
	all := map[K]V{}
	var bad unfit
	q := d.h.request("snapshot", 1)
	defer q.end()
	q.uint(snapshotItems)
	q.collect(ctx, "snapshot", func() {
		var k K
		var v V
		if err := readEntry(q, &k, &v); err != nil {
			bad.add(err)
			return
		}
		all[k] = v
	})
	if q.err != nil {
		return nil, q.err
	}
	q.fail(bad.err())
	return all, q.err
}

// Keys returns the keys as they were at one moment, in the order of their
// insertion. Those that do not decode are treated as Snapshot does.
func (d *Dict[K, V]) Keys(ctx context.Context) ([]K, error) {
	return onePart[K](ctx, d.h.request("keys", 1), snapshotKeys)
}

// Values returns the values as they were at one moment, in the order of their
// keys' insertion. Those that do not decode are treated as Snapshot does.
func (d *Dict[K, V]) Values(ctx context.Context) ([]V, error) {
	return onePart[V](ctx, d.h.request("values", 1), snapshotValues)
}

// Parts of a snapshot, as the protocol numbers them.
const (
	snapshotItems  = 0
	snapshotKeys   = 1
	snapshotValues = 2
)

func onePart[T any](ctx context.Context, q *request, which uint64) ([]T, error) {
	defer q.end()
	q.uint(which)
	return snapshot[T](ctx, q)
}

// snapshot collects the items of a snapshot stream.
func snapshot[T any](ctx context.Context, q *request) ([]T, error) {
	all := []T{}
	var bad unfit
	i := 0
	q.collect(ctx, "snapshot", func() {
		var v T
		if err := part(q, &v); err != nil {
			bad.add(atIndex(i, err))
		} else {
			all = append(all, v)
		}
		i++
	})
	if q.err != nil {
		return nil, q.err
	}
	q.fail(bad.err())
	return all, q.err
}

// Compute stores what f makes of the value of key, and returns it. f gets the
// zero value and false if there is none; it runs in this process, without any
// lock, and again whenever somebody else changed the entry in the meantime. With
// ErrDelete from f, Compute removes the entry and returns the zero value and nil. Any
// other error of f is returned as it is, and nothing is stored.
func (d *Dict[K, V]) Compute(ctx context.Context, key K, f func(old V, ok bool) (V, error)) (V, error) {
	const op = "compute"
	var zero V
	old, version, err := d.versioned(ctx, op, key)
	for err == nil {
		value, ferr := f(old, version != 0)
		next := &value
		switch {
		case ferr == nil:
		case !errors.Is(ferr, ErrDelete):
			return zero, ferr
		case version == 0:
			return zero, nil
		default:
			value, next = zero, nil
		}
		var done bool
		if done, version, err = d.changeIf(ctx, op, key, version, next, &old); done && err == nil {
			return value, nil
		}
	}
	return zero, err
}

// versioned is Get with the version, 0 if key is not there.
func (d *Dict[K, V]) versioned(ctx context.Context, op string, key K) (value V, version uint64, err error) {
	q := d.h.request(op, 1)
	defer q.end()
	q.key(key)
	if q.do(ctx, "get") && !q.null() {
		q.enter(2)
		q.read(&value)
		version = q.in.Uint()
		return value, version, q.decoded()
	}
	return value, 0, q.err
}

// changeIf stores *value under key, or removes it if value is nil, if the entry is of the
// version. If it is not, *present (may be nil) becomes what is there instead, and now its
// version; the context's error then ends the caller's attempts.
func (d *Dict[K, V]) changeIf(ctx context.Context, op string, key K, version uint64, value, present *V) (done bool, now uint64, err error) {
	method, n := "cas", 3
	if value == nil {
		method, n = "deleteif", 2
	}
	q := d.h.request(op, n)
	defer q.end()
	q.key(key)
	q.uint(version)
	if value != nil {
		q.value(*value)
	}
	if !q.do(ctx, method) {
		return false, 0, q.err
	}
	q.enter(3)
	done, now = q.in.Bool(), q.in.Uint()
	if !done && present != nil {
		var fresh V
		if now != 0 {
			q.read(&fresh)
		}
		*present = fresh
		q.fail(ctx.Err())
	}
	return done, now, q.decoded()
}

// AddKey adds delta to the value of key, which counts as zero if it is not
// there, and returns the sum. It is one atomic round trip. Integers wrap as
// they do in Go. ErrType: what is there is not a number.
func AddKey[K comparable, V Number](ctx context.Context, d *Dict[K, V], key K, delta V) (V, error) {
	var sum V
	q := d.h.request("add", 3)
	defer q.end()
	q.key(key)
	q.value(delta)
	q.text(reflect.TypeFor[V]().Kind().String())
	if q.do(ctx, "add") {
		q.read(&sum)
	}
	return sum, q.err
}
