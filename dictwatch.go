package carom

import (
	"context"
	"iter"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
)

// ChangeOp is what happened to an entry.
type ChangeOp uint8

const (
	ChangeSet    ChangeOp = iota // it was inserted or overwritten
	ChangeDelete                 // it was removed
	ChangeClear                  // all entries were removed; Key and Value mean nothing
)

func (o ChangeOp) String() string {
	switch o {
	case ChangeSet:
		return "set"
	case ChangeDelete:
		return "delete"
	case ChangeClear:
		return "clear"
	}
	return "unknown"
}

// Change is one change of a Dict. Versions of later changes are greater.
type Change[K comparable, V any] struct {
	Op      ChangeOp
	Key     K
	Value   V // with ChangeSet
	Version uint64
}

// Watch reports the changes of these keys, or of all keys if none is given, in
// the order in which they happen. It subscribes before it returns: no change
// that is made after that is missed. The range over it may be used once; it
// goes on after a change that does not decode, which comes with an ErrType that
// names it, and ends with any other error: the context's, ErrClosed when the coordinator shuts down, or
// ErrFull if it fell behind by more changes than the coordinator keeps for it
// (4,096, or 4 MiB; ErrNoMemory if its budget is used up before), in which case
// some were lost. The subscription lasts until the range ends or the context
// does.
func (d *Dict[K, V]) Watch(ctx context.Context, keys ...K) iter.Seq2[Change[K, V], error] {
	return d.watch(ctx, "watch", keys)
}

// WatchAll is Watch of all keys, which begins with what is there: a ChangeSet for each entry,
// in the order of insertion, all as of one moment, and then the changes after that moment. No
// change is missed between the two, and none comes twice. There is no mark where the changes
// begin. ErrNoMemory: the coordinator's budget does not suffice for keeping track of what is
// there until it is delivered. While it is, changes are kept as for Watch.
func (d *Dict[K, V]) WatchAll(ctx context.Context) iter.Seq2[Change[K, V], error] {
	return d.watch(ctx, "watchall", nil)
}

func (d *Dict[K, V]) watch(ctx context.Context, method string, keys []K) iter.Seq2[Change[K, V], error] {
	q := d.h.request("watch", len(keys))
	defer q.end()
	for _, k := range keys {
		q.key(k)
	}
	s, err, h := q.stream(ctx, method), q.err, d.h
	stop := func() bool { return true }
	if err == nil {
		stop = context.AfterFunc(ctx, s.Close)
	}
	return func(yield func(Change[K, V], error) bool) {
		if err != nil {
			yield(Change[K, V]{}, err)
			return
		}
		defer s.Close()
		defer stop()
		for batch, err := range s.All(ctx) {
			if ctx.Err() != nil && err != nil { // which closed the stream, perhaps before it was seen here
				err = ctx.Err()
			}
			if err != nil {
				yield(Change[K, V]{}, h.fail("watch", h.released(err)))
				return
			}
			in := coord.NewReader(batch)
			for range in.Array() {
				c, err := readChange[K, V](h, in)
				if !yield(c, err) || err != nil && !isUndecodable(err) {
					return
				}
			}
		}
	}
}

func readChange[K comparable, V any](h *handle, in *coord.Reader) (c Change[K, V], err error) {
	in.Args(4)
	c.Op = ChangeOp(in.Uint())
	key, value := in.Raw(), in.Raw()
	c.Version = in.Uint()
	err = in.Err()
	if err == nil && c.Op != ChangeClear {
		if err = codec.Decode(key, &c.Key); err != nil {
			var zero K
			c.Key, err = zero, &undecodable{part: "a key", err: err}
		}
	}
	if err == nil && c.Op == ChangeSet {
		if err = codec.Decode(value, &c.Value); err != nil {
			var zero V
			c.Value, err = zero, atKey(c.Key, err)
		}
	}
	return c, h.fail("watch", err)
}
