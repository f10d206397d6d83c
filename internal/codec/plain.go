package codec

import (
	"math"

	"github.com/carom-ipc/carom/coord"
)

// The values that keys and counters are most often made of are encoded and decoded here,
// to the same bytes as by the CBOR library, which is there for everything else: of a
// round trip of a microsecond, reflection would be a third.

// appendPlain appends v if it is of such a type.
func appendPlain(dst []byte, v any) (out []byte, ok bool) {
	switch v := v.(type) {
	case string:
		return coord.AppendText(dst, v), true
	case int:
		return coord.AppendInt(dst, int64(v)), true
	case int64:
		return coord.AppendInt(dst, v), true
	case uint64:
		return coord.AppendUint(dst, v), true
	case bool:
		return coord.AppendBool(dst, v), true
	case []byte:
		if v == nil {
			return coord.AppendNull(dst), true
		}
		return coord.AppendBytes(dst, v), true
	}
	return dst, false
}

// decodePlain decodes the item b into v if both are of such a type.
func decodePlain(b []byte, v any) bool {
	if len(b) == 0 {
		return false
	}
	switch v := v.(type) {
	case *string:
		if s, ok := CutHead(b, Text); ok {
			*v = string(s)
			return true
		}
	case *[]byte:
		if s, ok := CutHead(b, Bytes); ok {
			*v = append(make([]byte, 0, len(s)), s...)
			return true
		}
	case *int:
		if n, ok := plainInt(b); ok && n >= math.MinInt && n <= math.MaxInt {
			*v = int(n)
			return true
		}
	case *int64:
		if n, ok := plainInt(b); ok {
			*v = n
			return true
		}
	}
	return false
}

func plainInt(b []byte) (int64, bool) {
	if b[0]&0xc0 != 0 { // neither of the major types of integers
		return 0, false
	}
	var r coord.Reader
	r.Reset(b)
	n := r.Int()
	return n, r.Err() == nil && !r.More()
}
