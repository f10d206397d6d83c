package carom

import (
	"context"
	"iter"
)

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
	q := d.call("iterate", 3)
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
