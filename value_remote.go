package carom

import (
	"context"
	"reflect"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/shm"
)

func (v *Value[T]) openRemote(m *Manager, op, name string, layout codec.Layout, o options, initial T) error {
	if err := layout.CanTravel(); err != nil {
		return (&handle{kind: shm.Value, name: name}).wrap(op, err)
	}
	params := coord.AppendUint(coord.AppendArray(nil, 2), layout.Size)
	if o.hasInitial {
		params = coord.AppendBytes(params, shm.BytesOfOne(&initial))
	} else {
		params = coord.AppendNull(params)
	}
	h, err := openRemoteHandle(m, op, shm.Value, name, layout.Signature, o.exclusive, params)
	if err != nil {
		return err
	}
	v.h = h
	return nil
}

func (v *Value[T]) isRemote() bool { return v != nil && v.h != nil && v.h.r != nil }

func (v *Value[T]) loadRemote() (t T) {
	if v.h.look("load", "load", intoElement(&t)) != nil {
		var zero T
		return zero
	}
	return t
}

func (v *Value[T]) storeRemote(t T) { _ = v.h.look("store", "store", nil, shm.BytesOfOne(&t)) }

func (v *Value[T]) swapRemote(t T) (old T) {
	_ = v.h.look("swap", "swap", intoElement(&old), shm.BytesOfOne(&t))
	return old
}

func addRemote[T Number](v *Value[T], d T) (sum T) {
	_ = v.h.look("add", "add", intoElement(&sum), shm.BytesOfOne(&d), codec.LayoutOf[T]().Signature)
	return sum
}

// swapIfRemote compares here, as Go does, where equal values may differ in their bytes:
// then it is the bytes that were found equal which must still be there.
func swapIfRemote[T comparable](v *Value[T], old, new T) (swapped bool) {
	const op = "compare and swap"
	expected := shm.BytesOfOne(&old)
	exact := sameBytes(reflect.TypeFor[T]())
	for {
		if !exact {
			var cur T
			var found []byte
			err := v.h.look(op, "load", intoBytes(&found))
			if err != nil || copyElement(&cur, found) != nil || cur != old {
				return false
			}
			expected = found
		}
		err := v.h.look(op, "cas", intoBool(&swapped), expected, shm.BytesOfOne(&new))
		if err != nil || swapped || exact {
			return swapped
		}
	}
}

// sameBytes reports that values of type t are equal if, and only if, their bytes are.
func sameBytes(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return sameBytes(t.Elem())
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128, reflect.Struct:
		return false // zeros, NaNs and what is between fields
	}
	return true
}

// updateRemote is Update with the lock held.
func (v *Value[T]) updateRemote(ctx context.Context, f func(*T) error) error {
	var t T
	if err := v.h.ask(ctx, "update", "load", intoElement(&t)); err != nil {
		return err
	}
	if err := f(&t); err != nil {
		return err
	}
	return v.h.tell("update", "store", nil, shm.BytesOfOne(&t))
}
