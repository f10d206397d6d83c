package carom

import (
	"context"
	"sync/atomic"

	"github.com/carom-ipc/carom/shm"
)

// Value is one T in shared memory. T is of fixed size and free of pointers.
//
// A T of 1, 2, 4 or 8 bytes is a single atomic. A larger one is kept in two copies,
// of which one is valid at any time, so it is never seen half written, also when its
// writer is killed in the middle. Loads and stores order other memory as those of
// sync/atomic do.
//
// Methods without an error give the zero value once the handle is closed; Err says so.
type Value[T any] struct {
	cell shm.Cell[T]
	h    *handle
}

// NewValue makes sure that there is a value called name, and attaches to it. ""
// asks for a name of its own. It begins as zero, or as Initial says. Errors: ErrType
// if T cannot be in shared memory or the name belongs to something else, ErrExists
// with the option Exclusive, ErrNoMemory.
func NewValue[T any](m *Manager, name string, opts ...Option) (*Value[T], error) {
	v := new(Value[T])
	return opened(v, v.open(m, "new", name, opts))
}

// OpenValue attaches to the value called name. ErrNotFound: there is none.
func OpenValue[T any](m *Manager, name string) (*Value[T], error) {
	v := new(Value[T])
	return opened(v, v.open(m, "open", name, nil))
}

func (v *Value[T]) open(m *Manager, op, name string, opts []Option) error {
	layout := layoutOf[T]()
	h := &handle{kind: shm.Value, name: name}
	o, err := readOptions(shm.Value, opts)
	if err == nil {
		err = layout.err
	}
	var initial T
	if err == nil && o.hasInitial {
		initial, err = initialOf[T](o)
	}
	if err != nil {
		return h.wrap(op, err)
	}
	spec := shm.Spec{Name: name, Kind: shm.Value, Type: layout.signature, Payload: shm.CellPayload(layout.size),
		Exclusive: o.exclusive, OpenOnly: op == "open"}
	if o.hasInitial {
		spec.Init = func(p []byte) { shm.Put(p, initial) }
	}
	if m.isRemote() {
		return v.openRemote(m, op, name, layout, o, initial)
	}
	if h, _, err = openHandle(m, op, spec); err != nil {
		return err
	}
	v.h = h
	if shm.IsWord(layout.size) {
		v.cell.Bind(h.obj.Object)
	}
	h.bind(v.cell.Unbind)
	return nil
}

// Load returns the value.
func (v *Value[T]) Load() T {
	if v != nil {
		if p := v.cell.Place(); p != nil {
			t := shm.LoadAt[T](p)
			v.h.obj.Acquire()
			return t
		}
	}
	return v.loadSlow()
}

func (v *Value[T]) loadSlow() (t T) {
	if v.gone("load") != nil {
		return t
	}
	if v.h.r != nil {
		return v.loadRemote()
	}
	t = shm.LoadBig[T](v.h.obj.Object)
	v.h.obj.Acquire()
	return t
}

// Store sets the value.
func (v *Value[T]) Store(t T) {
	if v != nil && !shm.Race {
		if p := v.cell.Int64(); p != nil {
			shm.StoreInt64(p, t)
			return
		}
	}
	v.storeSlow(t)
}

func (v *Value[T]) storeSlow(t T) {
	if v != nil {
		if p := v.cell.Place(); p != nil {
			v.h.obj.Release()
			shm.StoreAt(p, t)
			return
		}
	}
	if v.isRemote() {
		v.storeRemote(t)
		return
	}
	v.update("store", func(T) (T, bool) { return t, true })
}

// Swap sets the value and returns the one before.
func (v *Value[T]) Swap(t T) (old T) {
	if v != nil {
		if p := v.cell.Place(); p != nil {
			v.h.obj.Release()
			old = shm.SwapAt(p, t)
			v.h.obj.Acquire()
			return old
		}
	}
	if v.isRemote() {
		return v.swapRemote(t)
	}
	v.update("swap", func(cur T) (T, bool) { old = cur; return t, true })
	return old
}

// update changes a value that is not one atomic.
func (v *Value[T]) update(op string, f func(T) (T, bool)) {
	if v.gone(op) != nil {
		return
	}
	v.h.obj.Release()
	_ = shm.UpdateBig(context.Background(), v.h.obj, f) // fails only when the manager is closed meanwhile
	v.h.obj.Acquire()
}

// Add adds d to a value and returns the sum. Integers wrap around.
func Add[T Number](v *Value[T], d T) T {
	if v != nil && !shm.Race {
		if p := v.cell.Int64(); p != nil {
			return T(atomic.AddInt64(p, int64(d)))
		}
	}
	return addSlow(v, d)
}

func addSlow[T Number](v *Value[T], d T) (sum T) {
	if v == nil {
		return sum
	}
	if p := v.cell.Place(); p != nil {
		v.h.obj.Release()
		sum = shm.AddAt(p, d)
		v.h.obj.Acquire()
	} else if v.isRemote() {
		sum = addRemote(v, d)
	}
	return sum
}

// CompareAndSwap sets a value to new if it equals old, and reports whether it did.
func CompareAndSwap[T comparable](v *Value[T], old, new T) bool {
	if v != nil && !shm.Race {
		if p := v.cell.Int64(); p != nil {
			return shm.SwapIfInt64(p, old, new)
		}
	}
	return swapIfSlow(v, old, new)
}

func swapIfSlow[T comparable](v *Value[T], old, new T) (swapped bool) {
	if v != nil {
		if p := v.cell.Place(); p != nil {
			v.h.obj.Release()
			swapped = shm.SwapIfAt(p, old, new)
			v.h.obj.Acquire()
			return swapped
		}
	}
	if v.isRemote() {
		return swapIfRemote(v, old, new)
	}
	v.update("compare and swap", func(cur T) (T, bool) { swapped = cur == old; return new, swapped })
	return swapped
}

// Update runs f on a copy of the value under the value's own lock, and publishes the
// copy if f returns nil. If the process dies in f, the value is as before, and the
// next Update goes on. Store, Add and the others do not take the lock. Errors: f's,
// ErrClosed, the context's.
func (v *Value[T]) Update(ctx context.Context, f func(*T) error) error {
	if err := v.gone("update"); err != nil {
		return err
	}
	lock := v.Lock()
	if err := lock.Recover(ctx); err != nil { // f's copy dies with its process: there is nothing to repair
		return v.h.wrap("update", err)
	}
	defer lock.Unlock()
	if v.h.r != nil {
		return v.updateRemote(ctx, f)
	}
	t := v.Load()
	if err := f(&t); err != nil {
		return err
	}
	v.Store(t)
	return v.gone("update")
}

// Lock is the value's own lock, which Update takes.
func (v *Value[T]) Lock() *Lock {
	if v == nil {
		return nil
	}
	return ownLock(v.h)
}

// Name is the name by which other processes open the value.
func (v *Value[T]) Name() string {
	if v == nil {
		return ""
	}
	return v.h.nameOf()
}

// Err says why the last method without an error could not do its work: ErrClosed; on a
// remote handle also what the round trip failed with; or nil if it could.
func (v *Value[T]) Err() error {
	if err := v.gone("use"); err != nil || v.h.r == nil {
		return err
	}
	return v.h.lastErr()
}

// Close detaches this handle.
func (v *Value[T]) Close() error {
	if v == nil {
		return (*handle)(nil).close(shm.Value)
	}
	return v.h.close(shm.Value)
}

func (v *Value[T]) gone(op string) error {
	if v == nil {
		return (*handle)(nil).gone(shm.Value, op)
	}
	return v.h.gone(shm.Value, op)
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (v *Value[T]) MarshalCBOR() ([]byte, error) {
	if v == nil {
		return cborNull, nil
	}
	return marshalHandle(v.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (v *Value[T]) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalHandle(b, shm.Value)
	if err != nil {
		return err
	}
	return v.open(m, "open", name, nil)
}
