package codec

import "encoding/binary"

// Null is CBOR's null.
var Null = []byte{0xf6}

// Major types of RFC 8949, in the upper three bits of an item's first byte.
const (
	Bytes = 2 << 5
	Text  = 3 << 5
)

// AppendHead appends the header of a byte string or a text of n bytes.
func AppendHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n < 1<<8:
		return append(dst, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

// CutHead returns what follows the header of an item of that major type; ok is false if b
// is anything else.
func CutHead(b []byte, major byte) (body []byte, ok bool) {
	if len(b) == 0 || b[0]&0xe0 != major || b[0]&0x1f > 27 {
		return nil, false
	}
	head := 1
	n := uint64(b[0] & 0x1f)
	if n >= 24 {
		head += 1 << (n - 24)
		if len(b) < head {
			return nil, false
		}
		n = 0
		for _, c := range b[1:head] {
			n = n<<8 | uint64(c)
		}
	}
	return b[head:], uint64(len(b)-head) == n
}
