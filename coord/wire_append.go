package coord

import (
	"encoding/binary"
	"math"
)

// Major types of CBOR (RFC 8949, section 3.1), shifted into the initial byte.
const (
	majorUint  = 0 << 5
	majorInt   = 1 << 5
	majorBytes = 2 << 5
	majorText  = 3 << 5
	majorArray = 4 << 5
	majorMap   = 5 << 5
	majorTag   = 6 << 5
	majorOther = 7 << 5
)

const (
	cborFalse = majorOther | 20
	cborTrue  = majorOther | 21
	cborNull  = majorOther | 22
)

// The Append functions write one CBOR item, or the head of one, in the
// deterministic encoding of RFC 8949, section 4.2. They exist because requests
// and replies are assembled around values that are encoded already, and
// because the frames of a hot path must not go through reflection.

func appendHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

// AppendArray appends the head of an array of n items, which follow.
func AppendArray(dst []byte, n int) []byte { return appendHead(dst, majorArray, uint64(n)) }

// AppendUint appends an unsigned integer.
func AppendUint(dst []byte, v uint64) []byte { return appendHead(dst, majorUint, v) }

// AppendInt appends a signed integer.
func AppendInt(dst []byte, v int64) []byte {
	if v < 0 {
		return appendHead(dst, majorInt, uint64(-1-v))
	}
	return appendHead(dst, majorUint, uint64(v))
}

// AppendBool appends a boolean.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, cborTrue)
	}
	return append(dst, cborFalse)
}

// AppendNull appends null.
func AppendNull(dst []byte) []byte { return append(dst, cborNull) }

// AppendText appends a text string. It does not check that s is UTF-8.
func AppendText(dst []byte, s string) []byte {
	return append(appendHead(dst, majorText, uint64(len(s))), s...)
}

// AppendBytes appends a byte string.
func AppendBytes(dst, b []byte) []byte { return append(AppendBytesHead(dst, len(b)), b...) }

// AppendBytesHead appends the head of a byte string of n bytes, which follow.
func AppendBytesHead(dst []byte, n int) []byte { return appendHead(dst, majorBytes, uint64(n)) }

// AppendFloat appends a float in the shortest of the three widths that keeps
// its value; every NaN becomes the canonical one.
func AppendFloat(dst []byte, v float64) []byte {
	if v != v {
		return append(dst, majorOther|25, 0x7e, 0x00)
	}
	single := float32(v)
	if float64(single) != v {
		return binary.BigEndian.AppendUint64(append(dst, majorOther|27), math.Float64bits(v))
	}
	if half, ok := toHalf(single); ok {
		return binary.BigEndian.AppendUint16(append(dst, majorOther|25), half)
	}
	return binary.BigEndian.AppendUint32(append(dst, majorOther|26), math.Float32bits(single))
}
