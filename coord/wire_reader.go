package coord

import (
	"fmt"
	"math"

	"github.com/carom-ipc/carom/internal/errs"
)

// A Reader takes the items of a CBOR sequence one by one, such as a method's
// arguments. The first item that is not what was asked for stops it: every
// later method returns zero values, and Err says what was wrong. So a method
// reads all its arguments and asks once.
type Reader struct {
	rest []byte
	err  error
}

// NewReader reads b, which must be well formed; the coordinator has checked
// the arguments that it hands to an Object.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// Reset makes r read b instead.
func (r *Reader) Reset(b []byte) { *r = Reader{rest: b} }

// Err is nil, or wraps ErrType and says which item was expected.
func (r *Reader) Err() error { return r.err }

// More reports whether there is another item.
func (r *Reader) More() bool { return r.err == nil && len(r.rest) > 0 }

func (r *Reader) fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: expected %s", errs.ErrType, want)
	}
	r.rest = nil
}

func (r *Reader) take(major byte, want string) (arg uint64, ok bool) {
	if r.err != nil {
		return 0, false
	}
	h, err := readHead(r.rest)
	if err != nil || h.major != major {
		r.fail(want)
		return 0, false
	}
	r.rest = r.rest[h.size:]
	return h.arg, true
}

// Array enters an array and returns its length.
func (r *Reader) Array() int {
	n, ok := r.take(majorArray, "an array")
	if ok && n > uint64(len(r.rest)) {
		r.fail("an array")
		return 0
	}
	return int(n)
}

// Args enters an array of at least n arguments. Further ones are a later
// version's, and ignored.
func (r *Reader) Args(n int) {
	if got := r.Array(); r.err == nil && got < n {
		r.err = fmt.Errorf("%w: %d arguments, expected %d", errs.ErrType, got, n)
		r.rest = nil
	}
}

// Uint takes an unsigned integer.
func (r *Reader) Uint() uint64 {
	n, _ := r.take(majorUint, "an unsigned integer")
	return n
}

// Int takes a signed integer of 64 bits.
func (r *Reader) Int() int64 {
	const want = "an integer of 64 bits"
	if r.err == nil && len(r.rest) > 0 && r.rest[0]&0xe0 == majorInt {
		n, _ := r.take(majorInt, want)
		if n > math.MaxInt64 {
			r.fail(want)
			return 0
		}
		return -1 - int64(n)
	}
	n, _ := r.take(majorUint, want)
	if n > math.MaxInt64 {
		r.fail(want)
		return 0
	}
	return int64(n)
}

// Bool takes a boolean.
func (r *Reader) Bool() bool {
	if r.err == nil && len(r.rest) > 0 && (r.rest[0] == cborTrue || r.rest[0] == cborFalse) {
		v := r.rest[0] == cborTrue
		r.rest = r.rest[1:]
		return v
	}
	r.fail("a boolean")
	return false
}

// Null takes a null if there is one, and reports whether there was.
func (r *Reader) Null() bool {
	if r.err == nil && len(r.rest) > 0 && r.rest[0] == cborNull {
		r.rest = r.rest[1:]
		return true
	}
	return false
}

// Text takes a text string.
func (r *Reader) Text() string { return string(r.str(majorText, "a text string")) }

// Bytes takes a byte string. The result is part of what is being read.
func (r *Reader) Bytes() []byte { return r.str(majorBytes, "a byte string") }

func (r *Reader) str(major byte, want string) []byte {
	n, ok := r.take(major, want)
	if !ok {
		return nil
	}
	if n > uint64(len(r.rest)) {
		r.fail(want)
		return nil
	}
	s := r.rest[:n:n]
	r.rest = r.rest[n:]
	return s
}

// Raw takes any item, undecoded. The result is part of what is being read.
func (r *Reader) Raw() []byte {
	if r.err != nil {
		return nil
	}
	n, err := itemSize(r.rest, math.MaxInt)
	if err != nil {
		r.fail("an item")
		return nil
	}
	item := r.rest[:n:n]
	r.rest = r.rest[n:]
	return item
}
