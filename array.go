package carom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/codec"
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
// zero value once the handle is closed; Err says so. A Close that overlaps with them, or
// with the use of a Slice, is the program's own race: they may still reach the array's
// memory, which stays attached for a second.
type Array[T any] struct {
	base[[]T]
	n    int
	size uint64
	own  ownLocks
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
	return opened(a, a.reopen(m, name))
}

func (a *Array[T]) reopen(m *Manager, name string) error { return a.open(m, "open", name, 0, nil) }

// maxElements is how many elements of a size an array may have.
func maxElements(size uint64) uint64 { return 1 << 40 / max(1, size) }

func (a *Array[T]) open(m *Manager, op, name string, n int, opts []Option) error {
	const kind = shm.Array
	layout := codec.LayoutOf[T]()
	o, err := readOptions(kind.String(), opts)
	if err == nil {
		err = usable(layout, m)
	}
	switch {
	case err != nil:
	case n < 0:
		err = fmt.Errorf("%w: a length of %d", ErrType, n)
	case layout.Size > 0 && uint64(n) > maxElements(layout.Size):
		err = fmt.Errorf("%d elements of %d bytes: %w", n, layout.Size, ErrTooLarge)
	}
	var initial []T
	if err == nil && o.hasInitial {
		initial, err = codec.InitialSlice[T](o.initial, n)
	}
	if err != nil {
		return opError(op, kind.String(), name, err)
	}
	w := wanted{op: op, spec: shm.Spec{Name: name, Kind: kind, Type: layout.Signature, Param: uint64(n),
		Payload: shm.ArrayPayload(layout.Size, uint64(n)), Exclusive: o.exclusive, Any: op == "open",
		Describe: func(n uint64, _ uint32) string { return fmt.Sprintf("%d elements", n) }}}
	if len(initial) > 0 {
		w.spec.Init = func(p []byte) { shm.PutElements(p, initial) }
	}
	if isServed(m) {
		w.params = coord.AppendUint(coord.AppendUint(coord.AppendArray(nil, 3), uint64(n)), layout.Size)
		if len(initial) > 0 {
			w.params = coord.AppendBytes(w.params, shm.BytesOf(initial))
		} else {
			w.params = coord.AppendNull(w.params)
		}
	}
	h, err := openShared(m, w)
	if err != nil {
		return err
	}
	if err := a.take(h, layout.Size); err != nil {
		return errors.Join(h.fail(op, err), h.close())
	}
	return nil
}

// take makes a the array that h is, which says itself how long it is.
func (a *Array[T]) take(h *handle, size uint64) error {
	if h.obj == nil {
		known := h.r.known()
		length, is := known.Uint(), known.Uint()
		if err := known.Err(); err != nil {
			return err
		}
		if is != size || size > 0 && length > maxElements(size) {
			return fmt.Errorf("%w: %d elements of %d bytes, wanted elements of %d", ErrType, length, is, size)
		}
		a.h, a.n, a.size = h, int(length), size
		return nil
	}
	length, room := h.obj.Param, h.obj.Size
	if size > 0 && length > room/size || shm.ArrayPayload(size, length) > room {
		return fmt.Errorf("%d elements in %d bytes: %w", length, room, ErrCorrupt)
	}
	a.n, a.size = int(length), size
	elems := shm.Elements[T](h.obj.Object, a.n)
	a.bind(h, &elems, nil)
	return nil
}

// Close detaches this handle, and that of the array's own lock; see Queue.Close for what
// becomes of calls inside. The array stays. ErrClosed: it was closed already.
func (a *Array[T]) Close() error {
	return a.h.close(a.own.drain(a.h)...)
}

// Len is the number of elements.
func (a *Array[T]) Len() int { return a.n }

// Slice is the array's memory itself, nil once the handle is closed. It must not be
// used after that. On a remote handle it is a copy of the elements.
func (a *Array[T]) Slice() []T {
	if s := a.local.Load(); s != nil {
		return *s
	}
	if a.isRemote() {
		return a.sliceRemote()
	}
	return nil
}

func (a *Array[T]) isRemote() bool { return a.h != nil && a.h.r != nil }

// Load returns element i.
func (a *Array[T]) Load(i int) (t T) {
	p := a.local.Load()
	if p == nil {
		return a.loadRemote(i)
	}
	s := *p
	if shm.IsWord(a.size) {
		t = shm.LoadAt[T](shm.ElementAt(&s[i]))
	} else {
		t = s[i]
	}
	a.h.observe()
	return t
}

// Store sets element i.
func (a *Array[T]) Store(i int, t T) {
	p := a.local.Load()
	if p == nil {
		a.storeRemote(i, t)
		return
	}
	s := *p
	a.h.publish()
	if shm.IsWord(a.size) {
		shm.StoreAt(shm.ElementAt(&s[i]), t)
	} else {
		s[i] = t
	}
}

// AddAt adds d to element i and returns the sum. Integers wrap around.
func AddAt[T Number](a *Array[T], i int, d T) T {
	p := a.local.Load()
	if p == nil {
		return addAtRemote(a, i, d)
	}
	a.h.publish()
	return shm.AddAt(shm.ElementAt(&(*p)[i]), d)
}

// All gives each index with its element, as Load does. On a remote handle the elements
// are read some at a time, before they are given.
func (a *Array[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		if a.isRemote() {
			a.allRemote(yield)
			return
		}
		for i := range a.Slice() {
			if !yield(i, a.Load(i)) {
				return
			}
		}
	}
}

// Do runs f on the array's memory, under the array's own lock. If the process dies in
// f, the memory stays as it was left, and Do and Lock answer ErrOwnerDied until somebody
// calls Lock().Recover. The memory stays while f runs, also if the handle is closed
// meanwhile. Errors: f's, ErrOwnerDied, ErrClosed, the context's; what f did before an error
// stays.
//
// The lock excludes others that take it: Do, and holders of Lock, in all processes. It does
// not exclude Load, Store, AddAt, All and Slice. f writes to the memory itself, so its s[i]++
// loses an AddAt or a Store of the same element that comes between its load and its store;
// where elements are changed by both, f uses this array's AddAt as well.
//
// On a remote handle f has a copy, and the elements that it changed there are stored when it
// returns: what others stored or added to those elements while f ran is lost, what they did to
// the others stays. What a process that dies in f had changed is not stored.
func (a *Array[T]) Do(ctx context.Context, f func([]T) error) error {
	const op = "do"
	elems, err := a.use(op)
	if err != nil {
		return err
	}
	if elems == nil {
		return a.doRemote(ctx, op, f)
	}
	defer a.leave()
	lock, d := shm.LockOf(a.h.obj.Object), a.h.obj.Domain()
	if _, err := lock.Lock(ctx, d, futex.Report); err != nil {
		return a.h.fail(op, err)
	}
	defer lock.Unlock(d)
	a.h.observe()
	defer a.h.publish()
	return f(*elems)
}

// Lock is the array's own lock, which Do takes. Each call makes a handle of its own on it,
// which goes with this one; it does not travel to other processes, the array does.
func (a *Array[T]) Lock() *Lock { return a.own.of(a.h) }

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (a *Array[T]) UnmarshalCBOR(b []byte) error { return a.attach(b, "Array", a.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (a *Array[T]) UnmarshalJSON(b []byte) error { return a.attach(b, "Array", a.reopen) }

// index panics as a slice does.
func (a *Array[T]) index(i int) uint64 {
	_ = make([]struct{}, a.n)[i]
	return uint64(i)
}

// loadRemote and those below are what there is to do without memory: nothing, but on a
// remote handle.
func (a *Array[T]) loadRemote(i int) (t T) {
	if a.isRemote() {
		return orZero(&t, a.h.look("load", "load", intoElement(&t), a.index(i)))
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
		return orZero(&sum, a.h.look("add", "add", intoElement(&sum), a.index(i), shm.BytesOfOne(&d), codec.LayoutOf[T]().Signature))
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

// doRemote is Do at the coordinator. Elements that f left alone are not stored: others may
// have changed them by Store or AddAt, which do not take the lock.
func (a *Array[T]) doRemote(ctx context.Context, op string, f func([]T) error) (err error) {
	ctx, done, err := a.h.stay(ctx, op)
	if err != nil {
		return err
	}
	defer done()
	var fence uint64
	if err := a.h.ask(ctx, op, "lock", intoUint(&fence)); err != nil {
		return err
	}
	defer func() { _ = a.h.tell(op, "unlock", nil, fence) }()
	all := make([]T, a.n)
	if err := a.eachPiece(len(all), func(i, n int) error {
		return a.h.ask(ctx, op, "read", intoElements(all[i:i+n]), uint64(i), uint64(n))
	}); err != nil {
		return err
	}
	now := shm.BytesOf(all)
	before := bytes.Clone(now)
	defer func() { // also what f did before it panicked
		if werr := a.writeChanges(op, before, now); werr != nil {
			err = errors.Join(err, werr)
		}
	}()
	return f(all)
}

func (a *Array[T]) writeChanges(op string, before, now []byte) error {
	size := int(a.size)
	same := func(i int) bool { return bytes.Equal(before[i*size:(i+1)*size], now[i*size:(i+1)*size]) }
	for i := 0; i < a.n; i++ {
		first := i
		for i < a.n && !same(i) {
			i++
		}
		changed := now[first*size : i*size]
		err := a.eachPiece(i-first, func(at, n int) error {
			return a.h.tell(op, "write", nil, uint64(first+at), changed[at*size:(at+n)*size])
		})
		if err != nil {
			return err
		}
	}
	return nil
}
