package carom

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/carom-ipc/carom/shm"
)

// Array is a fixed number of Ts in shared memory. T is of fixed size and free of
// pointers.
//
// Load, Store and AddAt are atomic for elements of 1, 2, 4 and 8 bytes, and order other
// memory as sync/atomic does. Larger elements, and what goes through Slice, are plain
// memory: processes that share it must agree on who writes when, by Do, by the array's
// Lock or otherwise, and a writer that is killed leaves it as it was at that moment.
//
// An index out of range panics, as a slice's does. Methods without an error give the
// zero value once the handle is closed; Err says so.
type Array[T any] struct {
	elems atomic.Pointer[[]T] // nil once closed
	n     int
	size  uint64
	h     *handle
}

// NewArray makes sure that there is an array of n Ts called name, and attaches to it.
// "" asks for a name of its own. It begins as zeros, or as InitialSlice says. Errors:
// ErrType if T cannot be in shared memory, n is negative, InitialSlice does not fit, or
// the name belongs to something else or to another length; ErrExists with the option
// Exclusive; ErrNoMemory; ErrTooLarge beyond the whole budget.
func NewArray[T any](m *Manager, name string, n int, opts ...Option) (*Array[T], error) {
	a := new(Array[T])
	return opened(a, a.open(m, "new", name, n, opts))
}

// OpenArray attaches to the array called name, whatever its length. ErrNotFound: there
// is none.
func OpenArray[T any](m *Manager, name string) (*Array[T], error) {
	a := new(Array[T])
	return opened(a, a.open(m, "open", name, 0, nil))
}

func (a *Array[T]) open(m *Manager, op, name string, n int, opts []Option) error {
	layout := layoutOf[T]()
	o, err := readOptions(shm.Array, opts)
	if err == nil {
		err = layout.err
	}
	if err == nil && n < 0 {
		err = fmt.Errorf("%w: a length of %d", ErrType, n)
	}
	if err == nil && layout.size > 0 && uint64(n) > 1<<40/layout.size {
		err = fmt.Errorf("%d elements of %d bytes: %w", n, layout.size, ErrTooLarge)
	}
	var initial []T
	if err == nil && o.hasInitial {
		initial, err = initialSliceOf[T](o, n)
	}
	if err != nil {
		return (&handle{kind: shm.Array, name: name}).wrap(op, err)
	}
	if m.isRemote() {
		return a.openRemote(m, op, name, layout, o, n, initial)
	}
	spec := shm.Spec{Name: name, Kind: shm.Array, Type: layout.signature, Param: uint64(n),
		Payload: shm.ArrayPayload(layout.size, uint64(n)), Exclusive: o.exclusive, OpenOnly: op == "open", Any: op == "open",
		Describe: func(n uint64, _ uint32) string { return fmt.Sprintf("%d elements", n) }}
	if len(initial) > 0 {
		spec.Init = func(p []byte) { shm.PutElements(p, initial) }
	}
	h, _, err := openHandle(m, op, spec)
	if err != nil {
		return err
	}
	if layout.size > 0 && h.obj.Param > h.obj.Size/layout.size || shm.ArrayPayload(layout.size, h.obj.Param) > h.obj.Size {
		err = fmt.Errorf("%d elements in %d bytes: %w", h.obj.Param, h.obj.Size, ErrCorrupt)
		return errors.Join(h.wrap(op, err), h.close(shm.Array))
	}
	a.h, a.n, a.size = h, int(h.obj.Param), layout.size
	elems := shm.Elements[T](h.obj.Object, a.n)
	a.elems.Store(&elems)
	h.bind(func() { a.elems.Store(nil) })
	return nil
}

// Len is the number of elements.
func (a *Array[T]) Len() int {
	if a == nil {
		return 0
	}
	return a.n
}

// Slice is the array's memory itself, nil once the handle is closed. It must not be
// used after the manager was closed. On a remote handle it is a copy of the elements.
func (a *Array[T]) Slice() []T {
	if a.isRemote() {
		return a.sliceRemote()
	}
	return a.memory()
}

func (a *Array[T]) memory() []T {
	if a != nil {
		if s := a.elems.Load(); s != nil {
			return *s
		}
	}
	return nil
}

// Load returns element i.
func (a *Array[T]) Load(i int) (t T) {
	s := a.memory()
	if s == nil && a.isGone() {
		return a.loadRemote(i)
	}
	if shm.IsWord(a.size) {
		t = shm.LoadAt[T](shm.ElementAt(&s[i]))
	} else {
		t = s[i]
	}
	a.h.obj.Acquire()
	return t
}

// Store sets element i.
func (a *Array[T]) Store(i int, t T) {
	s := a.memory()
	if s == nil && a.isGone() {
		a.storeRemote(i, t)
		return
	}
	a.h.obj.Release()
	if shm.IsWord(a.size) {
		shm.StoreAt(shm.ElementAt(&s[i]), t)
	} else {
		s[i] = t
	}
}

// AddAt adds d to element i and returns the sum. Integers wrap around.
func AddAt[T Number](a *Array[T], i int, d T) T {
	s := a.memory()
	if s == nil && a.isGone() {
		return addAtRemote(a, i, d)
	}
	a.h.obj.Release()
	return shm.AddAt(shm.ElementAt(&s[i]), d)
}

// All gives each index with its element, as Load does. On a remote handle the elements
// are read some at a time, before they are given.
func (a *Array[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		if a.isRemote() {
			a.allRemote(yield)
			return
		}
		for i := range a.memory() {
			if !yield(i, a.Load(i)) {
				return
			}
		}
	}
}

// Do runs f on the array's memory, under the array's own lock. If the process dies in
// f, the memory stays as it was left, and Do and Lock answer ErrOwnerDied until somebody
// calls Lock().Recover. Errors: f's, ErrOwnerDied, ErrClosed, the context's.
//
// On a remote handle f has a copy, and what it changed there is stored when it returns; what
// a process that dies in f had changed is not.
func (a *Array[T]) Do(ctx context.Context, f func([]T) error) error {
	if err := a.gone("do"); err != nil {
		return err
	}
	lock := a.Lock()
	if err := lock.Lock(ctx); err != nil {
		return a.h.wrap("do", err)
	}
	defer lock.Unlock()
	if a.h.r != nil {
		return a.doRemote(ctx, f)
	}
	return f(a.memory())
}

// Lock is the array's own lock, which Do takes.
func (a *Array[T]) Lock() *Lock {
	if a == nil {
		return nil
	}
	return ownLock(a.h)
}

// Name is the name by which other processes open the array.
func (a *Array[T]) Name() string {
	if a == nil {
		return ""
	}
	return a.h.nameOf()
}

// Err says why the last method without an error could not do its work: ErrClosed; on a
// remote handle also what the round trip failed with; or nil if it could.
func (a *Array[T]) Err() error {
	if err := a.gone("use"); err != nil || a.h.r == nil {
		return err
	}
	return a.h.lastErr()
}

// Close detaches this handle.
func (a *Array[T]) Close() error {
	if a == nil {
		return (*handle)(nil).close(shm.Array)
	}
	return a.h.close(shm.Array)
}

func (a *Array[T]) isGone() bool { return a == nil || a.elems.Load() == nil }

func (a *Array[T]) gone(op string) error {
	if a == nil {
		return (*handle)(nil).gone(shm.Array, op)
	}
	return a.h.gone(shm.Array, op)
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (a *Array[T]) MarshalCBOR() ([]byte, error) {
	if a == nil {
		return cborNull, nil
	}
	return marshalHandle(a.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (a *Array[T]) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalHandle(b, shm.Array)
	if err != nil {
		return err
	}
	return a.open(m, "open", name, 0, nil)
}
