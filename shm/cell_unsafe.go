package shm

import (
	"bytes"
	"context"
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

// A value's payload:
//
//	offset | width | field  | who writes     | if the writer dies
//	0      | 16    | lock   | users          | see futex.Mutex
//	16     | 8     | data   | all            | a single atomic: written or not
//
// and of values of other sizes than 1, 2, 4 and 8 bytes:
//
//	16     | 16    | writer | Store, Update  | the next writer takes over: nothing is half done
//	32     | 8     | seq    | writer's owner | the copy seq&1 is valid; the other is being written
//	40     | 2×n   | copies | writer's owner | n is the size rounded up to 8
//
// An array's payload:
//
//	0      | 16    | lock   | users          | see futex.Mutex
//	48     | n×len | data   | all            | elements of 1, 2, 4 and 8 bytes are single atomics
const (
	cellAt   = 16
	bigSeqAt = 32
	bigAt    = 40
	arrayAt  = 48
)

// Number is what can be added to atomically.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64
}

// CellPayload is the payload of a value of size bytes.
func CellPayload(size uint64) uint64 {
	if IsWord(size) {
		return cellAt + 8
	}
	return bigAt + 2*roundUp(size, 8)
}

// IsWord reports that a value of this size is one atomic.
func IsWord(size uint64) bool { return size == 1 || size == 2 || size == 4 || size == 8 }

// ArrayPayload is the payload of n elements of size bytes.
func ArrayPayload(size, n uint64) uint64 { return arrayAt + size*n }

// A Cell is the place of a T of 1, 2, 4 or 8 bytes that processes share; nil after
// Close, and for values that are not one atomic. The zero Cell has no place.
type Cell[T any] struct {
	p     unsafe.Pointer
	int64 atomic.Pointer[int64] // p, where T is an integer of 8 bytes
}

// Bind gives the cell its place in a value's payload.
func (c *Cell[T]) Bind(o *Object) {
	o.bare.Store(true)
	p := unsafe.Add(o.arena.base, o.Off+cellAt)
	atomic.StorePointer(&c.p, p)
	if isInt64[T]() {
		c.int64.Store((*int64)(p))
	}
}

// Unbind takes the place away: Place is nil from now on.
func (c *Cell[T]) Unbind() {
	atomic.StorePointer(&c.p, nil)
	c.int64.Store(nil)
}

// Int64 is the place of an integer of 8 bytes, signed or not; nil of anything else. It is
// what lets operations on such integers be inlined.
func (c *Cell[T]) Int64() *int64 { return c.int64.Load() }

// StoreInt64 writes v at p. Precondition of this and the next: p is from Int64.
func StoreInt64[T any](p *int64, v T) { atomic.StoreInt64(p, *(*int64)(unsafe.Pointer(&v))) }

// SwapIfInt64 writes new at p if what is there equals old.
func SwapIfInt64[T comparable](p *int64, old, new T) bool {
	return atomic.CompareAndSwapInt64(p, *(*int64)(unsafe.Pointer(&old)), *(*int64)(unsafe.Pointer(&new)))
}

func isInt64[T any]() bool {
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Int64, reflect.Uint64:
		return true
	case reflect.Int, reflect.Uint, reflect.Uintptr:
		return unsafe.Sizeof(int(0)) == 8
	}
	return false
}

// Place is where the cell is, for the functions below; nil if it has none.
func (c *Cell[T]) Place() unsafe.Pointer { return atomic.LoadPointer(&c.p) }

// LoadAt reads the T at p. Preconditions of this and the functions below:
//   - p is from Place or ElementAt, T is the cell's and has 1, 2, 4 or 8 bytes.
func LoadAt[T any](p unsafe.Pointer) (v T) {
	switch unsafe.Sizeof(v) {
	case 8:
		u := atom.Load64((*uint64)(p))
		return *(*T)(unsafe.Pointer(&u))
	case 4:
		u := atom.Load32((*uint32)(p))
		return *(*T)(unsafe.Pointer(&u))
	default: // one and two bytes are single plain loads
		return *(*T)(p)
	}
}

// BitsAt reads what lies at p, as FromBits wants it. Bits tell more apart than Go does: they
// differ where == calls values equal (0 and -0, padding), and are equal where it does not (NaN).
func BitsAt[T any](p unsafe.Pointer) (bits uint64) {
	var v T
	switch unsafe.Sizeof(v) {
	case 8:
		return atom.Load64((*uint64)(p))
	case 4:
		*(*uint32)(unsafe.Pointer(&bits)) = atom.Load32((*uint32)(p))
	case 2:
		*(*uint16)(unsafe.Pointer(&bits)) = *(*uint16)(p)
	default:
		*(*uint8)(unsafe.Pointer(&bits)) = *(*uint8)(p)
	}
	return bits
}

// FromBits is the T that BitsAt read.
func FromBits[T any](bits uint64) T { return *(*T)(unsafe.Pointer(&bits)) }

// SwapBitsAt writes v at p if what lies there still is bits, and reports whether it was.
func SwapBitsAt[T any](p unsafe.Pointer, bits uint64, v T) bool {
	size := unsafe.Sizeof(v)
	switch size {
	case 8:
		return atom.CAS64((*uint64)(p), bits, *(*uint64)(unsafe.Pointer(&v)))
	case 4:
		return atom.CAS32((*uint32)(p), *(*uint32)(unsafe.Pointer(&bits)), *(*uint32)(unsafe.Pointer(&v)))
	}
	old, next := unsafe.Slice((*byte)(unsafe.Pointer(&bits)), size), unsafe.Slice((*byte)(unsafe.Pointer(&v)), size)
	in := uintptr(p) % 4
	w := (*uint32)(unsafe.Add(p, -int(in)))
	for {
		cur := atom.Load32(w)
		word := cur
		part := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&word), in)), size)
		if !bytes.Equal(part, old) {
			return false
		}
		copy(part, next)
		if atom.CAS32(w, cur, word) {
			return true
		}
	}
}

// StoreAt writes v at p.
func StoreAt[T any](p unsafe.Pointer, v T) {
	switch unsafe.Sizeof(v) {
	case 8:
		atom.Store64((*uint64)(p), *(*uint64)(unsafe.Pointer(&v)))
	case 4:
		atom.Store32((*uint32)(p), *(*uint32)(unsafe.Pointer(&v)))
	default:
		_ = SwapAt(p, v)
	}
}

// SwapAt writes v at p and returns what was there.
func SwapAt[T any](p unsafe.Pointer, v T) (old T) {
	switch unsafe.Sizeof(v) {
	case 8:
		u := atom.Swap64((*uint64)(p), *(*uint64)(unsafe.Pointer(&v)))
		return *(*T)(unsafe.Pointer(&u))
	case 4:
		u := atom.Swap32((*uint32)(p), *(*uint32)(unsafe.Pointer(&v)))
		return *(*T)(unsafe.Pointer(&u))
	}
	update(p, func(cur T) (T, bool) { old = cur; return v, true })
	return old
}

// AddAt adds d to the T at p and returns the sum. Integers wrap around.
func AddAt[T Number](p unsafe.Pointer, d T) T {
	var half T = 1
	if half /= 2; half == 0 { // an integer
		switch unsafe.Sizeof(d) {
		case 8:
			u := atom.Add64((*uint64)(p), *(*uint64)(unsafe.Pointer(&d)))
			return *(*T)(unsafe.Pointer(&u))
		case 4:
			u := atom.Add32((*uint32)(p), *(*uint32)(unsafe.Pointer(&d)))
			return *(*T)(unsafe.Pointer(&u))
		}
	}
	return addSlow(p, d)
}

func addSlow[T Number](p unsafe.Pointer, d T) (sum T) {
	update(p, func(cur T) (T, bool) { sum = cur + d; return sum, true })
	return sum
}

// SwapIfAt writes new at p if what is there equals old.
func SwapIfAt[T comparable](p unsafe.Pointer, old, new T) bool {
	if unsafe.Sizeof(old) != 8 {
		return swapIfSlow(p, old, new)
	}
	w := (*uint64)(p)
	for {
		cur := atom.Load64(w)
		if *(*T)(unsafe.Pointer(&cur)) != old {
			return false
		}
		if atom.CAS64(w, cur, *(*uint64)(unsafe.Pointer(&new))) {
			return true
		}
	}
}

func swapIfSlow[T comparable](p unsafe.Pointer, old, new T) (swapped bool) {
	update(p, func(cur T) (T, bool) { swapped = cur == old; return new, swapped })
	return swapped
}

// update replaces the T at p by f of it, until nobody interferes or f says no. Parts
// of a word are exchanged with the aligned 32 bits around them.
func update[T any](p unsafe.Pointer, f func(T) (T, bool)) {
	var t T
	if unsafe.Sizeof(t) == 8 {
		w := (*uint64)(p)
		for {
			cur := atom.Load64(w)
			next, ok := f(*(*T)(unsafe.Pointer(&cur)))
			if !ok || atom.CAS64(w, cur, *(*uint64)(unsafe.Pointer(&next))) {
				return
			}
		}
	}
	in := uintptr(p) % 4
	w := (*uint32)(unsafe.Add(p, -int(in)))
	for {
		cur := atom.Load32(w)
		word := cur
		part := (*T)(unsafe.Add(unsafe.Pointer(&word), in))
		next, ok := f(*part)
		*part = next
		if !ok || atom.CAS32(w, cur, word) {
			return
		}
	}
}

// LockOf is the lock at the start of a value's, an array's or a lock's payload. It may be
// used without Enter where that is one access.
func LockOf(o *Object) *futex.Mutex {
	o.bare.Store(true)
	return at[futex.Mutex](o.arena, o.Off)
}

// Put writes v into a fresh value's payload.
func Put[T any](payload []byte, v T) {
	size := uint64(unsafe.Sizeof(v))
	if IsWord(size) {
		*(*T)(unsafe.Pointer(&payload[cellAt])) = v
	} else if size > 0 {
		*(*T)(unsafe.Pointer(&payload[bigAt])) = v
	}
}

// LoadBig reads a value that is not one atomic: the copy that seq names, which is
// what was last stored as long as seq does not change meanwhile.
func LoadBig[T any](o *Object) T {
	v, _ := LoadBigSeq[T](o)
	return v
}

// LoadBigSeq is LoadBig, and the sequence number of what was read.
func LoadBigSeq[T any](o *Object) (v T, s uint64) {
	size := uint64(unsafe.Sizeof(v))
	seq := at[uint64](o.arena, o.Off+bigSeqAt)
	for {
		s = atom.Load64(seq)
		from := o.Off + bigAt + s&1*roundUp(size, 8)
		loadWords(o.arena, from, unsafe.Slice((*byte)(unsafe.Pointer(&v)), size))
		if atom.Load64(seq) == s {
			return v, s
		}
	}
}

// loadWords reads by atomic loads, which no later load overtakes.
func loadWords(a *Arena, off uint64, dst []byte) {
	for ; len(dst) > 0; off += 8 {
		w := atom.Load64(at[uint64](a, off))
		dst = dst[copy(dst, unsafe.Slice((*byte)(unsafe.Pointer(&w)), 8)):]
	}
}

// UpdateBig replaces a value that is not one atomic by f of it, unless f says no. The
// new copy is written beside the old one and published by one store.
func UpdateBig[T any](ctx context.Context, h *Handle, f func(T) (T, bool)) error {
	o := h.Object
	writer := at[futex.Mutex](o.arena, o.Off+cellAt)
	if _, err := h.lock(ctx, writer, futex.TakeOver); err != nil {
		return err
	}
	defer writer.Unlock(o.arena.domain)
	next, ok := f(LoadBig[T](o))
	if ok {
		storeBig(o, &next)
	}
	return nil
}

// StoreBigIf replaces a value that is not one atomic by v, if its sequence number still is
// seq: nobody stored anything since LoadBigSeq said so. It reports whether it did.
func StoreBigIf[T any](ctx context.Context, h *Handle, seq uint64, v T) (bool, error) {
	o := h.Object
	writer := at[futex.Mutex](o.arena, o.Off+cellAt)
	if _, err := h.lock(ctx, writer, futex.TakeOver); err != nil {
		return false, err
	}
	defer writer.Unlock(o.arena.domain)
	if *at[uint64](o.arena, o.Off+bigSeqAt) != seq {
		return false, nil
	}
	storeBig(o, &v)
	return true, nil
}

// storeBig writes the copy that is not valid, and publishes it by one store. The caller has
// the writers' lock.
func storeBig[T any](o *Object, v *T) {
	size := uint64(unsafe.Sizeof(*v))
	seq := at[uint64](o.arena, o.Off+bigSeqAt)
	to := o.Off + bigAt + (*seq+1)&1*roundUp(size, 8)
	atom.Copy(o.arena.bytes(to, size), unsafe.Slice((*byte)(unsafe.Pointer(v)), size))
	atom.Store64(seq, *seq+1)
}

// Elements is an array's memory as a slice of T. Precondition: T is the array's.
func Elements[T any](o *Object, n int) []T {
	o.bare.Store(true)
	return words[T](o.arena, o.Off+arrayAt, n)
}

// PutElements copies s into a fresh array's payload.
func PutElements[T any](payload []byte, s []T) {
	if len(s) > 0 {
		copy(unsafe.Slice((*T)(unsafe.Pointer(&payload[arrayAt])), len(s)), s)
	}
}

// ElementAt is the place of an element.
func ElementAt[T any](e *T) unsafe.Pointer { return unsafe.Pointer(e) }

// BytesOf is the memory of the elements of s. Precondition: T is free of pointers.
func BytesOf[T any](s []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), uintptr(len(s))*unsafe.Sizeof(t))
}

// FirstByte is where b begins, also if it is empty.
func FirstByte(b []byte) *byte { return unsafe.SliceData(b) }

// BytesOfOne is the memory of *p. Precondition: T is free of pointers.
func BytesOfOne[T any](p *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p))
}

// BytesIn is the []byte at p. Precondition: T is []byte.
func BytesIn[T any](p *T) *[]byte { return (*[]byte)(unsafe.Pointer(p)) }

// TextIn is the memory of the string at p, not to be written. Precondition: T is string.
func TextIn[T any](p *T) []byte {
	s := *(*string)(unsafe.Pointer(p))
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// SetText sets the string at p. Preconditions:
//   - T is string.
//   - b does not change any more.
func SetText[T any](p *T, b []byte) {
	*(*string)(unsafe.Pointer(p)) = unsafe.String(unsafe.SliceData(b), len(b))
}
