package carom

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/shm"
)

func (a *Array[T]) openRemote(m *Manager, op, name string, layout codec.Layout, o options, n int, initial []T) error {
	if err := layout.CanTravel(); err != nil {
		return (&handle{kind: shm.Array, name: name}).wrap(op, err)
	}
	params := coord.AppendUint(coord.AppendArray(nil, 3), uint64(n))
	params = coord.AppendUint(params, layout.Size)
	if len(initial) > 0 {
		params = coord.AppendBytes(params, shm.BytesOf(initial))
	} else {
		params = coord.AppendNull(params)
	}
	h, err := openRemoteHandle(m, op, shm.Array, name, layout.Signature, o.exclusive, params)
	if err != nil {
		return err
	}
	details := h.details()
	length, size := details.Uint(), details.Uint()
	if err = details.Err(); err == nil && (size != layout.Size || size > 0 && length > 1<<40/size) {
		err = fmt.Errorf("%w: %d elements of %d bytes, wanted elements of %d", ErrType, length, size, layout.Size)
	}
	if err != nil {
		return errors.Join(h.wrap(op, err), h.close(shm.Array))
	}
	a.h, a.n, a.size = h, int(length), layout.Size
	return nil
}

func (a *Array[T]) isRemote() bool { return a != nil && a.h != nil && a.h.r != nil }

// index panics as a slice does.
func (a *Array[T]) index(i int) uint64 {
	_ = make([]struct{}, a.n)[i]
	return uint64(i)
}

// loadRemote and those below are what there is to do without memory: nothing, but on a
// remote handle.
func (a *Array[T]) loadRemote(i int) (t T) {
	if !a.isRemote() || a.h.look("load", "load", intoElement(&t), a.index(i)) != nil {
		var zero T
		return zero
	}
	return t
}

func (a *Array[T]) storeRemote(i int, t T) {
	if a.isRemote() {
		_ = a.h.look("store", "store", nil, a.index(i), shm.BytesOfOne(&t))
	}
}

func addAtRemote[T Number](a *Array[T], i int, d T) (sum T) {
	if a.isRemote() {
		_ = a.h.look("add", "add", intoElement(&sum), a.index(i), shm.BytesOfOne(&d), codec.LayoutOf[T]().Signature)
	}
	return sum
}

func (a *Array[T]) sliceRemote() []T {
	all := make([]T, a.n)
	if a.eachPiece(len(all), func(i, n int) error {
		return a.h.look("slice", "read", intoElements(all[i:i+n]), uint64(i), uint64(n))
	}) != nil {
		return nil
	}
	return all
}

func (a *Array[T]) allRemote(yield func(int, T) bool) {
	errStopped := errors.New("stopped")
	var piece []T
	_ = a.eachPiece(a.n, func(i, n int) error {
		if piece == nil {
			piece = make([]T, n)
		}
		if err := a.h.look("all", "read", intoElements(piece[:n]), uint64(i), uint64(n)); err != nil {
			return err
		}
		for j, t := range piece[:n] {
			if !yield(i+j, t) {
				return errStopped
			}
		}
		return nil
	})
}

// eachPiece calls f for n elements, as many at once as go into one request, until it fails.
func (a *Array[T]) eachPiece(n int, f func(i, n int) error) error {
	most := max(1, a.h.r.piece/max(1, int(a.size)))
	for i := 0; i < n; i += most {
		if err := f(i, min(most, n-i)); err != nil {
			return err
		}
	}
	return nil
}

// doRemote is Do with the lock held. Elements that f left alone are not stored: others may
// have changed them by Store or AddAt, which do not take the lock.
func (a *Array[T]) doRemote(ctx context.Context, f func([]T) error) (err error) {
	all := make([]T, a.n)
	if err := a.eachPiece(len(all), func(i, n int) error {
		return a.h.ask(ctx, "do", "read", intoElements(all[i:i+n]), uint64(i), uint64(n))
	}); err != nil {
		return err
	}
	now := shm.BytesOf(all)
	before := bytes.Clone(now)
	defer func() { // also what f did before it panicked
		if werr := a.writeChanges(before, now); werr != nil {
			err = errors.Join(err, werr)
		}
	}()
	return f(all)
}

func (a *Array[T]) writeChanges(before, now []byte) error {
	size := int(a.size)
	same := func(i int) bool { return bytes.Equal(before[i*size:(i+1)*size], now[i*size:(i+1)*size]) }
	for i := 0; i < a.n; i++ {
		first := i
		for i < a.n && !same(i) {
			i++
		}
		changed := now[first*size : i*size]
		err := a.eachPiece(i-first, func(at, n int) error {
			return a.h.tell("do", "write", nil, uint64(first+at), changed[at*size:(at+n)*size])
		})
		if err != nil {
			return err
		}
	}
	return nil
}
