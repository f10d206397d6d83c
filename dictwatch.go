package carom

import (
	"context"
	"iter"

	"github.com/carom-ipc/carom/coord"
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
// ends with an error: the context's, ErrClosed when the coordinator shuts down, or
// ErrFull if it fell behind by more changes than the coordinator keeps for it
// (4,096, or 4 MiB; ErrNoMemory if its budget is used up before), in which case
// some were lost. The subscription lasts until the range ends or the context
// does.
func (d *Dict[K, V]) Watch(ctx context.Context, keys ...K) iter.Seq2[Change[K, V], error] {
	q := d.call("watch", len(keys))
	defer q.end()
	for _, k := range keys {
		q.value(k)
	}
	s, err, r := q.stream(ctx, "watch"), q.err, q.r
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
			if err != nil {
				yield(Change[K, V]{}, r.opError("watch", err))
				return
			}
			in := coord.NewReader(batch)
			for range in.Array() {
				c, err := readChange[K, V](r, in)
				if !yield(c, err) || err != nil {
					return
				}
			}
		}
	}
}

func readChange[K comparable, V any](r *remote, in *coord.Reader) (c Change[K, V], err error) {
	in.Args(4)
	c.Op = ChangeOp(in.Uint())
	key, value := in.Raw(), in.Raw()
	c.Version = in.Uint()
	err = in.Err()
	if err == nil && c.Op != ChangeClear {
		err = r.b.decode(key, &c.Key)
	}
	if err == nil && c.Op == ChangeSet {
		err = r.b.decode(value, &c.Value)
	}
	if err != nil {
		return c, r.opError("watch", err)
	}
	return c, nil
}
