package codec

import (
	"bytes"
	"encoding/binary"
)

// negativeZero is -0 in the deterministic encoding, where floats have the shortest form that
// holds their value.
var negativeZero = []byte{0xf9, 0x80, 0x00}

// AppendKey is Append for the key of a dict: keys that Go takes for equal have equal bytes, so
// -0 becomes 0. All NaNs are one key, which they are in the deterministic encoding.
func AppendKey(dst []byte, key any) ([]byte, error) {
	start := len(dst)
	dst, err := Append(dst, key)
	if err == nil && bytes.Contains(dst[start:], negativeZero) {
		unsignZeros(dst[start:])
	}
	return dst, err
}

// unsignZeros makes each -0 in well-formed CBOR a 0. Where the bytes of one are part of
// something else, it leaves them alone: it goes from head to head.
func unsignZeros(b []byte) {
	for len(b) > 0 {
		major, info := b[0]&0xe0, b[0]&0x1f
		size, n := 1, uint64(info)
		if info >= 24 && info <= 27 {
			size += 1 << (info - 24)
			if len(b) < size {
				return
			}
			n = 0
			for _, c := range b[1:size] {
				n = n<<8 | uint64(c)
			}
		}
		switch {
		case (major == Bytes || major == Text) && info < 28:
			if n > uint64(len(b)-size) {
				return
			}
			size += int(n)
		case bytes.HasPrefix(b, negativeZero):
			binary.BigEndian.PutUint16(b[1:], 0)
		}
		b = b[size:]
	}
}
