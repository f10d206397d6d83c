package carom

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/shm"
)

// Value is one T in shared memory. T is of fixed size and free of pointers.
//
// A T of 1, 2, 4 or 8 bytes is a single atomic. A larger one is kept in two copies,
// of which one is valid at any time, so it is never seen half written, also when its
// writer is killed in the middle. Loads and stores order other memory as those of
// sync/atomic do.
//
// Methods without an error give the zero value once the handle is closed; Err says so. A
// Close that overlaps with such a method on a T of 1, 2, 4 or 8 bytes is the program's own
// race: the method may still reach the value's memory, which stays attached for a second.
type Value[T any] struct {
	base[shm.Handle]
	cell shm.Cell[T] // of a T that is one atomic
	own  ownLocks
}

// Number is any type that can be added.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64
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
	return opened(v, v.reopen(m, name))
}

func (v *Value[T]) reopen(m *Manager, name string) error { return v.open(m, "open", name, nil) }

func (v *Value[T]) open(m *Manager, op, name string, opts []Option) error {
	const kind = shm.Value
	layout := codec.LayoutOf[T]()
	o, err := readOptions(kind.String(), opts)
	if err == nil {
		err = usable(layout, m)
	}
	var initial T
	if err == nil && o.hasInitial {
		initial, err = codec.Initial[T](o.initial)
	}
	if err != nil {
		return opError(op, kind.String(), name, err)
	}
	w := wanted{op: op, spec: shm.Spec{Name: name, Kind: kind, Type: layout.Signature, Payload: shm.CellPayload(layout.Size),
		Exclusive: o.exclusive}}
	if o.hasInitial {
		w.spec.Init = func(p []byte) { shm.Put(p, initial) }
	}
	if isServed(m) {
		w.params = coord.AppendUint(coord.AppendArray(nil, 2), layout.Size)
		if o.hasInitial {
			w.params = coord.AppendBytes(w.params, shm.BytesOfOne(&initial))
		} else {
			w.params = coord.AppendNull(w.params)
		}
	}
	h, err := openShared(m, w)
	if err != nil {
		return err
	}
	if v.h = h; h.obj == nil {
		return nil
	}
	v.local.Store(h.obj)
	if shm.IsWord(layout.Size) {
		v.cell.Bind(h.obj.Object)
	}
	h.obj.Bind(v.unbind, nil)
	return nil
}

func (v *Value[T]) unbind() {
	v.cell.Unbind()
	v.local.Store(nil)
}

// Close detaches this handle, and that of the value's own lock; see Queue.Close for what
// becomes of calls inside. The value stays. ErrClosed: it was closed already.
func (v *Value[T]) Close() error {
	return v.h.close(v.own.drain(v.h)...)
}

// Load returns the value.
func (v *Value[T]) Load() T {
	if p := v.cell.Place(); p != nil {
		t := shm.LoadAt[T](p)
		v.h.observe()
		return t
	}
	return v.loadSlow()
}

func (v *Value[T]) loadSlow() (t T) {
	obj, err := v.use("load")
	switch {
	case err != nil:
		return t
	case obj == nil:
		return orZero(&t, v.h.look("load", "load", intoElement(&t)))
	}
	defer v.leave()
	t = shm.LoadBig[T](obj.Object)
	obj.Acquire()
	return t
}

// Store sets the value.
func (v *Value[T]) Store(t T) {
	if !shm.Race {
		if p := v.cell.Int64(); p != nil {
			shm.StoreInt64(p, t)
			return
		}
	}
	v.storeSlow(t)
}

func (v *Value[T]) storeSlow(t T) {
	if p := v.cell.Place(); p != nil {
		v.h.publish()
		shm.StoreAt(p, t)
		return
	}
	if v.isMapped() {
		v.change("store", func(T) (T, bool) { return t, true })
		return
	}
	v.storeRemote(t)
}

func (v *Value[T]) storeRemote(t T) {
	if v.h != nil {
		_ = v.h.look("store", "store", nil, shm.BytesOfOne(&t))
	}
}

// Swap sets the value and returns the one before.
func (v *Value[T]) Swap(t T) (old T) {
	if p := v.cell.Place(); p != nil {
		v.h.publish()
		old = shm.SwapAt(p, t)
		v.h.observe()
		return old
	}
	if v.isMapped() {
		v.change("swap", func(cur T) (T, bool) { old = cur; return t, true })
		return old
	}
	return v.swapRemote(t)
}

func (v *Value[T]) swapRemote(t T) (old T) {
	if v.h == nil {
		return old
	}
	return orZero(&old, v.h.look("swap", "swap", intoElement(&old), shm.BytesOfOne(&t)))
}

// isMapped reports that the value is where this process can reach it, or was before the
// handle was closed.
func (v *Value[T]) isMapped() bool { return v.h != nil && v.h.obj != nil }

// change changes a value that is mapped and not one atomic.
func (v *Value[T]) change(op string, f func(T) (T, bool)) {
	obj, err := v.use(op)
	if err != nil {
		return
	}
	defer v.leave()
	obj.Release()
	_ = shm.UpdateBig(context.Background(), obj, f) // fails only when the manager is closed meanwhile
	obj.Acquire()
}

// Add adds d to a value and returns the sum. Integers wrap around.
func Add[T Number](v *Value[T], d T) T {
	if !shm.Race {
		if p := v.cell.Int64(); p != nil {
			return T(atomic.AddInt64(p, int64(d)))
		}
	}
	return addSlow(v, d)
}

func addSlow[T Number](v *Value[T], d T) (sum T) {
	if p := v.cell.Place(); p != nil {
		v.h.publish()
		sum = shm.AddAt(p, d)
		v.h.observe()
		return sum
	}
	if v.h == nil || v.isMapped() { // closed: a Number is one atomic
		return sum
	}
	return addRemote(v, d)
}

func addRemote[T Number](v *Value[T], d T) (sum T) {
	return orZero(&sum, v.h.look("add", "add", intoElement(&sum), shm.BytesOfOne(&d), codec.LayoutOf[T]().Signature))
}

// CompareAndSwap sets a value to new if it equals old, and reports whether it did.
func CompareAndSwap[T comparable](v *Value[T], old, new T) bool {
	if !shm.Race {
		if p := v.cell.Int64(); p != nil {
			return shm.SwapIfInt64(p, old, new)
		}
	}
	return swapIfSlow(v, old, new)
}

func swapIfSlow[T comparable](v *Value[T], old, new T) (swapped bool) {
	if p := v.cell.Place(); p != nil {
		v.h.publish()
		swapped = shm.SwapIfAt(p, old, new)
		v.h.observe()
		return swapped
	}
	if v.isMapped() {
		v.change("compare and swap", func(cur T) (T, bool) { swapped = cur == old; return new, swapped })
		return swapped
	}
	return v.h != nil && swapIfRemote(v, old, new)
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

// Update runs f on a copy of the value under the value's own lock, and publishes the copy
// if f returns nil and the value still is what f was given. It loses nothing: Store, Swap,
// Add and CompareAndSwap do not take the lock, and where one of them changed the value while
// f ran, f runs again, on a copy of what is there now, until ctx ends. So f may run several
// times, and must not change this value itself in each run, by Add for instance: that would
// make the next run necessary. A value of 1, 2, 4 or 8 bytes that was changed and changed
// back counts as unchanged.
//
// If the process dies in f, the value is as before, and the next Update goes on. Errors:
// f's, ErrClosed, the context's; with each the value is as if Update had not been called.
func (v *Value[T]) Update(ctx context.Context, f func(*T) error) error {
	const op = "update"
	obj, err := v.use(op)
	if err != nil {
		return err
	}
	if obj == nil {
		return v.updateRemote(ctx, op, f)
	}
	defer v.leave()
	place := v.cell.Place()
	if place == nil && shm.IsWord(codec.LayoutOf[T]().Size) {
		return v.h.closedErr(op)
	}
	lock, d := shm.LockOf(obj.Object), obj.Domain()
	if _, err := lock.Lock(ctx, d, futex.TakeOver); err != nil { // f's copy dies with its process: there is nothing to repair
		return v.h.fail(op, err)
	}
	defer lock.Unlock(d)
	for {
		var done bool
		if place == nil {
			done, err = v.updateLarge(ctx, op, obj, f)
		} else {
			bits := shm.BitsAt[T](place)
			obj.Acquire()
			t := shm.FromBits[T](bits)
			if err = v.run(op, f, &t); err == nil {
				obj.Release()
				done = shm.SwapBitsAt(place, bits, t)
			}
		}
		if done || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.h.gone(op); err != nil {
			return err
		}
	}
}

// run runs f for Update. After the manager is closed, in f or beside it, nothing can be stored.
func (v *Value[T]) run(op string, f func(*T) error, t *T) error {
	err := f(t)
	if err == nil && v.h.m.ctx.Err() != nil {
		err = v.h.closedErr(op)
	}
	return err
}

// updateLarge runs f once on a value that is not one atomic. false: the value changed while
// f ran, for which writers do not wait.
func (v *Value[T]) updateLarge(ctx context.Context, op string, obj *shm.Handle, f func(*T) error) (bool, error) {
	t, seq := shm.LoadBigSeq[T](obj.Object)
	obj.Acquire()
	if err := v.run(op, f, &t); err != nil {
		return false, err
	}
	obj.Release()
	done, err := shm.StoreBigIf(ctx, obj, seq, t)
	return done, v.h.fail(op, err)
}

func (v *Value[T]) updateRemote(ctx context.Context, op string, f func(*T) error) error {
	ctx, done, err := v.h.stay(ctx, op)
	if err != nil {
		return err
	}
	defer done()
	var fence uint64
	if err := v.h.ask(ctx, op, "recover", intoUint(&fence)); err != nil {
		return err
	}
	defer func() { _ = v.h.tell(op, "unlock", nil, fence) }()
	for {
		var t T
		var version uint64
		if err := v.h.ask(ctx, op, "loadversion", func(in *coord.Reader) error {
			in.Args(2)
			err := copyElement(&t, in.Bytes())
			version = in.Uint()
			return err
		}); err != nil {
			return err
		}
		if err := f(&t); err != nil {
			return err
		}
		var done bool
		err := v.h.ask(ctx, op, "storeif", intoBool(&done), version, shm.BytesOfOne(&t))
		if done || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return v.h.ended(ctx, op, err)
		}
	}
}

// Lock is the value's own lock, which Update takes. Each call makes a handle of its own on
// it, which goes with this one; it does not travel to other processes, the value does.
func (v *Value[T]) Lock() *Lock { return v.own.of(v.h) }

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (v *Value[T]) UnmarshalCBOR(b []byte) error { return v.attach(b, "Value", v.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (v *Value[T]) UnmarshalJSON(b []byte) error { return v.attach(b, "Value", v.reopen) }
