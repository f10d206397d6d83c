package served

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// elements is the memory of a value or an array, and the lock that it has.
type elements struct {
	mutex
	raw  shm.Raw
	size uint64 // of an element
	typ  string
}

func (o *opening) elementsOf(obj *shm.Handle, raw shm.Raw, size uint64) elements {
	return elements{mutex: o.mutexOf(obj), raw: raw, size: size, typ: obj.Type}
}

// reply appends n elements from index i on.
func (e *elements) reply(c *call, i, n uint64) error {
	limit := uint64(itemLimit(c.sess))
	if e.size != 0 && n > limit/e.size {
		return fmt.Errorf("%w: %d elements of %d bytes do not fit into a frame", errs.ErrTooLarge, n, e.size)
	}
	c.dst = e.raw.Append(coord.AppendBytesHead(c.dst, int(n*e.size)), i, n)
	return nil
}

// element reads an element.
func (e *elements) element(r *coord.Reader) ([]byte, error) {
	b := r.Bytes()
	if err := r.Err(); err != nil {
		return nil, err
	}
	if uint64(len(b)) != e.size {
		return nil, fmt.Errorf("%w: %d bytes, a %s has %d", errs.ErrType, len(b), e.typ, e.size)
	}
	return b, nil
}

// addAt reads what is to be added to element i, and its type.
func (e *elements) addAt(c *call, i uint64) error {
	delta, err := e.element(&c.args)
	typ := c.args.Text()
	if err == nil {
		err = c.args.Err()
	}
	switch {
	case err != nil:
		return err
	case typ != e.typ:
		return fmt.Errorf("%w: adding a %.100q to a %s", errs.ErrType, typ, e.typ)
	case !isNumber(typ):
		return fmt.Errorf("%w: a %s is not a number", errs.ErrType, typ)
	}
	var sum [8]byte
	err = e.raw.Change(c.ctx, i, func(cur []byte) []byte { return add(sum[:0], cur, delta, typ) })
	c.dst = coord.AppendBytes(c.dst, sum[:e.size])
	return err
}

// add appends the sum of two numbers of a type. Integers wrap.
func add(dst, a, b []byte, typ string) []byte {
	le := binary.LittleEndian
	switch {
	case typ == "float64":
		return le.AppendUint64(dst, math.Float64bits(math.Float64frombits(le.Uint64(a))+math.Float64frombits(le.Uint64(b))))
	case strings.HasPrefix(typ, "float"):
		return le.AppendUint32(dst, math.Float32bits(math.Float32frombits(le.Uint32(a))+math.Float32frombits(le.Uint32(b))))
	}
	for i, carry := 0, uint16(0); i < len(a); i++ { // signed or not, the bits are the same
		carry += uint16(a[i]) + uint16(b[i])
		dst = append(dst, byte(carry))
		carry >>= 8
	}
	return dst
}
