package shm

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

// Raw is a value, or the elements of an array, for those who know the size of its type but
// are not compiled with it. Elements are bytes, as they lie in memory. Those of 1, 2, 4 and 8
// bytes are single atomics, and a value of any size is never seen half written, as for
// everybody else.
//
// Preconditions of the methods: indices are in range (0 for a value), elements are as long as
// they are.
type Raw struct {
	o    *Handle
	off  uint64 // of the first element, or of the value's writers' lock
	size uint64
	twin bool // a value in two copies
}

// RawValue is the value behind a handle, of so many bytes.
func RawValue(o *Handle, size uint64) Raw {
	return Raw{o: o, off: o.Off + cellAt, size: size, twin: !IsWord(size)}
}

// RawArray is the array behind a handle, of elements of so many bytes.
func RawArray(o *Handle, size uint64) Raw { return Raw{o: o, off: o.Off + arrayAt, size: size} }

// InitRaw writes b into a fresh value's payload, or an array's.
func InitRaw(kind Kind, size uint64, payload, b []byte) {
	at := uint64(arrayAt)
	switch {
	case kind == Value && IsWord(size):
		at = cellAt
	case kind == Value:
		at = bigAt
	}
	copy(payload[at:], b)
}

// Append appends n elements from index i on. Each is what was there at one moment.
func (r Raw) Append(dst []byte, i, n uint64) []byte {
	dst = slices.Grow(dst, int(n*r.size))
	from := len(dst)
	dst = dst[:from+int(n*r.size)]
	a, off := r.o.arena, r.off+i*r.size
	switch {
	case r.twin:
		r.readTwin(dst[from:])
	case IsWord(r.size):
		a.readWhole(off, dst[from:])
	default:
		copy(dst[from:], a.bytes(off, n*r.size))
	}
	r.o.Acquire()
	return dst
}

// readTwin reads the valid copy of a value, and returns its sequence number.
func (r Raw) readTwin(dst []byte) (s uint64) {
	a := r.o.arena
	seq := at[uint64](a, r.o.Off+bigSeqAt)
	for again := true; again; again = atom.Load64(seq) != s {
		s = atom.Load64(seq)
		a.readWhole(r.copyAt(s), dst)
	}
	return s
}

// AppendVersioned appends a value, and returns its version for ChangeIf: the bits themselves
// of a single atomic, else the sequence number.
func (r Raw) AppendVersioned(dst []byte) ([]byte, uint64) {
	if !r.twin {
		from := len(dst)
		dst = r.Append(dst, 0, 1)
		return dst, wordVersion(dst[from:])
	}
	from := len(dst)
	dst = slices.Grow(dst, int(r.size))[:from+int(r.size)]
	s := r.readTwin(dst[from:])
	r.o.Acquire()
	return dst, s
}

// ChangeIf replaces a value by b if it still is of the version, and reports whether it did.
// Errors: those of Change.
func (r Raw) ChangeIf(ctx context.Context, version uint64, b []byte) (done bool, err error) {
	err = r.Change(ctx, 0, func(cur []byte) []byte {
		if r.twin {
			done = *at[uint64](r.o.arena, r.o.Off+bigSeqAt) == version // under the writers' lock
		} else {
			done = wordVersion(cur) == version
		}
		if done {
			return b
		}
		return nil
	})
	return done && err == nil, err
}

func wordVersion(b []byte) (v uint64) {
	for i, c := range b {
		v |= uint64(c) << (8 * i)
	}
	return v
}

// copyAt is where the copy that a value's sequence number names is.
func (r Raw) copyAt(seq uint64) uint64 { return r.o.Off + bigAt + seq&1*roundUp(r.size, 8) }

// readWhole reads by aligned words: what lies in one of them is of one moment.
func (a *Arena) readWhole(off uint64, dst []byte) {
	for len(dst) > 0 {
		in := off % 8
		var b [8]byte
		binary.NativeEndian.PutUint64(b[:], atom.Load64(at[uint64](a, off-in)))
		n := copy(dst, b[in:])
		dst, off = dst[n:], off+uint64(n)
	}
}

// Write stores elements of an array one after the other, from index i on.
func (r Raw) Write(i uint64, b []byte) {
	r.o.Release()
	a, off := r.o.arena, r.off+i*r.size
	if !IsWord(r.size) {
		atom.Copy(a.bytes(off, uint64(len(b))), b)
		return
	}
	for len(b) > 0 {
		n := r.size
		if off%8 == 0 && len(b) >= 8 { // as many elements as a word has
			n = 8
			atom.Store64(at[uint64](a, off), binary.NativeEndian.Uint64(b))
		} else {
			next := b[:n]
			changeWord(a, off, n, func([]byte) []byte { return next })
		}
		b, off = b[n:], off+n
	}
}

// Change replaces element i by what f makes of it, if that is not nil. f may be called again
// and again, and must not keep what it is given. Of elements that are neither single atomics
// nor a value, somebody else's change meanwhile may be lost. Errors, of values of other sizes
// than 1, 2, 4 and 8 bytes: ErrClosed, the context's.
func (r Raw) Change(ctx context.Context, i uint64, f func(cur []byte) (next []byte)) error {
	r.o.Release()
	defer r.o.Acquire()
	a, off := r.o.arena, r.off+i*r.size
	switch {
	case r.twin:
		return r.changeTwin(ctx, f)
	case IsWord(r.size):
		changeWord(a, off, r.size, f)
	default:
		if next := f(a.bytes(off, r.size)); next != nil {
			atom.Copy(a.bytes(off, r.size), next)
		}
	}
	return nil
}

// changeWord changes 1, 2, 4 or 8 bytes, the former with the aligned 32 bits around them.
func changeWord(a *Arena, off, size uint64, f func([]byte) []byte) {
	var b [8]byte
	for {
		if size == 8 {
			w := at[uint64](a, off)
			cur := atom.Load64(w)
			binary.NativeEndian.PutUint64(b[:], cur)
			next := f(b[:])
			if next == nil || atom.CAS64(w, cur, binary.NativeEndian.Uint64(next)) {
				return
			}
			continue
		}
		in := off % 4
		w := at[uint32](a, off-in)
		cur := atom.Load32(w)
		binary.NativeEndian.PutUint32(b[:], cur)
		next := f(b[in : in+size])
		if next == nil {
			return
		}
		copy(b[in:in+size], next)
		if atom.CAS32(w, cur, binary.NativeEndian.Uint32(b[:])) {
			return
		}
	}
}

// changeTwin writes the new copy beside the old one and publishes it by one store, as
// UpdateBig does.
func (r Raw) changeTwin(ctx context.Context, f func([]byte) []byte) error {
	a := r.o.arena
	writer := at[futex.Mutex](a, r.off)
	if _, err := r.o.lock(ctx, writer, futex.TakeOver); err != nil {
		return err
	}
	defer writer.Unlock(a.domain)
	seq := at[uint64](a, r.o.Off+bigSeqAt)
	if next := f(a.bytes(r.copyAt(*seq), r.size)); next != nil {
		atom.Copy(a.bytes(r.copyAt(*seq+1), r.size), next)
		atom.Store64(seq, *seq+1)
	}
	return nil
}
