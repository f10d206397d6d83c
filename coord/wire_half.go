package coord

import "math"

// toHalf converts a float that is not NaN to IEEE 754 binary16, if that keeps
// its value.
func toHalf(v float32) (uint16, bool) {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	exponent := int(bits>>23&0xff) - 127
	fraction := bits & 0x7fffff
	switch {
	case bits&0x7fffffff == 0:
		return sign, true
	case exponent == 128: // infinity
		return sign | 0x7c00, true
	case exponent >= -14 && exponent <= 15 && fraction&0x1fff == 0:
		return sign | uint16(exponent+15)<<10 | uint16(fraction>>13), true
	case exponent >= -24 && exponent < -14: // subnormal in binary16: units of 2^-24
		shift := uint(-1 - exponent)
		whole := fraction | 0x800000
		if whole&(1<<shift-1) == 0 {
			return sign | uint16(whole>>shift), true
		}
	}
	return 0, false
}

// fromHalf is the value of a binary16.
func fromHalf(h uint16) float64 {
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		v = math.Inf(1)
	default:
		v = math.Ldexp(fraction+1024, exponent-25)
	}
	if h&0x8000 != 0 {
		return -v
	}
	return v
}
