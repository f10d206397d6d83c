package carom

import (
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/shm"
)

// usable says why there can be no elements of a layout: not in shared memory, or not as they
// lie there at the coordinator of m.
func usable(l codec.Layout, m *Manager) error {
	if l.Err == nil && m != nil && m.arena == nil {
		return l.CanTravel()
	}
	return l.Err
}

// intoElement reads an element into *t.
func intoElement[T any](t *T) result {
	return func(in *coord.Reader) error { return copyElement(t, in.Bytes()) }
}

// intoElements reads as many elements as ts has.
func intoElements[T any](ts []T) result {
	return func(in *coord.Reader) error { return copyBytes(shm.BytesOf(ts), in.Bytes()) }
}

// copyElement makes b the memory of *t.
func copyElement[T any](t *T, b []byte) error { return copyBytes(shm.BytesOfOne(t), b) }

func copyBytes(dst, b []byte) error {
	if len(b) != len(dst) {
		return fmt.Errorf("%w: %d bytes of elements, want %d", ErrType, len(b), len(dst))
	}
	copy(dst, b)
	return nil
}

// orZero is *t, or the zero value where there is an error.
func orZero[T any](t *T, err error) T {
	if err != nil {
		var zero T
		return zero
	}
	return *t
}
