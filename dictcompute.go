package carom

import (
	"context"
	"reflect"
)

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
	q := d.call("compute", 1)
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
	q := d.call("compute", 3)
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
	q := d.call("add", 3)
	defer q.end()
	q.value(key)
	q.value(delta)
	q.text(reflect.TypeFor[V]().Kind().String())
	if q.do(ctx, "add") {
		q.read(&sum)
	}
	return sum, q.err
}
