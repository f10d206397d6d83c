package coord

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/carom-ipc/carom/internal/errs"
)

// integerBits are Go's integer types as add names them, by their width; a
// negative width is that of a signed type.
var integerBits = map[string]int{
	"int": -64, "int8": -8, "int16": -16, "int32": -32, "int64": -64,
	"uint": 64, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64, "uintptr": 64,
}

// addNumbers returns a+b, computed and wrapped as Go's type typ does.
func addNumbers(a, b []byte, typ string) ([]byte, error) {
	if bits, ok := integerBits[typ]; ok {
		x, okA := twosComplement(a)
		y, okB := twosComplement(b)
		if !okA || !okB {
			return nil, fmt.Errorf("%w: not an integer, which adding as %s needs", errs.ErrType, typ)
		}
		return appendWrapped(nil, x+y, bits), nil
	}
	x, okA := number(a)
	y, okB := number(b)
	switch {
	case !okA || !okB:
		return nil, fmt.Errorf("%w: not a number, which adding as %s needs", errs.ErrType, typ)
	case typ == "float64":
		return AppendFloat(nil, x+y), nil
	case typ == "float32":
		return AppendFloat(nil, float64(float32(x)+float32(y))), nil
	}
	return nil, fmt.Errorf("%w: adding as %.100q", errs.ErrType, typ)
}

// twosComplement is an integer item modulo 2^64.
func twosComplement(item []byte) (uint64, bool) {
	h, err := readHead(item)
	switch {
	case err != nil:
		return 0, false
	case h.major == majorUint:
		return h.arg, true
	case h.major == majorInt:
		return ^h.arg, true // -1 - arg
	}
	return 0, false
}

func appendWrapped(dst []byte, v uint64, bits int) []byte {
	if bits < 0 {
		shift := 64 + bits
		return AppendInt(dst, int64(v<<shift)>>shift)
	}
	shift := 64 - bits
	return AppendUint(dst, v<<shift>>shift)
}

// number is a number item of any type as a float.
func number(item []byte) (float64, bool) {
	h, err := readHead(item)
	if err != nil {
		return 0, false
	}
	switch h.major {
	case majorUint:
		return float64(h.arg), true
	case majorInt:
		return -1 - float64(h.arg), true
	}
	return float(item)
}

// float is the value of a float item of any width.
func float(item []byte) (float64, bool) {
	if len(item) == 0 {
		return 0, false
	}
	switch item[0] {
	case majorOther | 25:
		return fromHalf(binary.BigEndian.Uint16(item[1:])), true
	case majorOther | 26:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(item[1:]))), true
	case majorOther | 27:
		return math.Float64frombits(binary.BigEndian.Uint64(item[1:])), true
	}
	return 0, false
}
