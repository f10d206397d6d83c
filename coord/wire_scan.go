package coord

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/carom-ipc/carom/internal/errs"
)

// errMalformed is what bytes that are not the protocol's CBOR deserve: their
// sender cannot be understood any more, so the connection is closed.
var errMalformed = errors.New("malformed CBOR")

// head is the decoded start of an item: its major type, the argument, and how
// many bytes both took.
type head struct {
	major byte
	info  byte
	arg   uint64
	size  int
}

func readHead(b []byte) (head, error) {
	if len(b) == 0 {
		return head{}, errMalformed
	}
	h := head{major: b[0] & 0xe0, info: b[0] & 0x1f, size: 1}
	width := 0
	switch {
	case h.info < 24:
		h.arg = uint64(h.info)
		return h, nil
	case h.info <= 27:
		width = 1 << (h.info - 24)
	default: // reserved, or of indefinite length, which the protocol excludes
		return head{}, errMalformed
	}
	if len(b) < 1+width {
		return head{}, errMalformed
	}
	switch width {
	case 1:
		h.arg = uint64(b[1])
	case 2:
		h.arg = uint64(binary.BigEndian.Uint16(b[1:]))
	case 4:
		h.arg = uint64(binary.BigEndian.Uint32(b[1:]))
	case 8:
		h.arg = binary.BigEndian.Uint64(b[1:])
	}
	h.size += width
	return h, nil
}

// itemSize is the length of the item at the start of b. It is the only check
// that bytes from a peer get before they are kept, so it proves them well
// formed, of definite length, and nested at most depth deep. It allocates
// nothing and believes no count that the bytes at hand cannot hold.
func itemSize(b []byte, depth int) (int, error) {
	h, err := readHead(b)
	if err != nil {
		return 0, err
	}
	rest := uint64(len(b) - h.size)
	items := uint64(0)
	switch h.major {
	case majorUint, majorInt:
		return h.size, nil
	case majorOther:
		if h.info == 24 && h.arg < 32 { // a simple value that has a shorter form
			return 0, errMalformed
		}
		return h.size, nil
	case majorBytes, majorText:
		if h.arg > rest {
			return 0, errMalformed
		}
		return h.size + int(h.arg), nil
	case majorArray:
		items = h.arg
	case majorMap:
		if h.arg > math.MaxInt64 {
			return 0, errMalformed
		}
		items = 2 * h.arg
	case majorTag:
		items = 1
	}
	if items > rest {
		return 0, errMalformed
	}
	if items > 0 && depth <= 0 {
		return 0, fmt.Errorf("%w: nested too deeply", errs.ErrTooLarge)
	}
	size := h.size
	for ; items > 0; items-- {
		n, err := itemSize(b[size:], depth-1)
		if err != nil {
			return 0, err
		}
		size += n
	}
	return size, nil
}
