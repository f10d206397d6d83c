package carom

import "context"

// Snapshot returns all entries as they were at one moment.
func (d *Dict[K, V]) Snapshot(ctx context.Context) (map[K]V, error) {
	all := map[K]V{}
	q := d.call("snapshot", 1)
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
	return part[K](ctx, d.call("keys", 1), snapshotKeys)
}

// Values returns the values as they were at one moment, in the order of their
// keys' insertion.
func (d *Dict[K, V]) Values(ctx context.Context) ([]V, error) {
	return part[V](ctx, d.call("values", 1), snapshotValues)
}

// Parts of a snapshot, as the protocol numbers them.
const (
	snapshotItems  = 0
	snapshotKeys   = 1
	snapshotValues = 2
)

func part[T any](ctx context.Context, q *remoteCall, which uint64) ([]T, error) {
	defer q.end()
	q.uint(which)
	return snapshot[T](ctx, q)
}

// snapshot collects the items of a snapshot stream.
func snapshot[T any](ctx context.Context, q *remoteCall) ([]T, error) {
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
