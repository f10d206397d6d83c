package codec

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Keys are one if Go takes them for one; bytes that only look like a -0 stay.
func TestKeysOfFloats(t *testing.T) {
	type point struct {
		X, Y float32
		Note string
	}
	minus := math.Copysign(0, -1)
	like := "\xf9\x80\x00"
	for _, c := range []struct{ a, b any }{
		{0.0, minus},
		{float32(0), float32(minus)},
		{[2]float64{0, 1}, [2]float64{minus, 1}},
		{point{0, 0, like}, point{float32(minus), float32(minus), like}},
		{any([1]any{0.0}), any([1]any{minus})},
		{math.NaN(), math.Float64frombits(0xfff8000000000001)},
		{float32(math.NaN()), math.NaN()},
		{&point{}, &point{X: float32(minus)}},
	} {
		a, err := AppendKey(nil, c.a)
		require.NoError(t, err)
		b, err := AppendKey([]byte(like), c.b)
		require.NoError(t, err)
		require.Equal(t, append([]byte(like), a...), b, "%v %v", c.a, c.b)
	}
	for _, v := range []any{like, []byte(like), map[string]string{like: like}, []any{1 << 40, like, "long" + string(bytes.Repeat([]byte(like), 100))}} {
		key, err := AppendKey(nil, v)
		require.NoError(t, err)
		value, err := Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, value, key)
	}
}

func FuzzUnsignZeros(f *testing.F) {
	for _, s := range []string{"f98000", "82f98000f98000", "43f98000", "5f43f98000ff", "5bffffffffffffffff00", "fb8000000000000000", "19", "bff98000f98000ff"} {
		b, err := hex.DecodeString(s)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		unsignZeros(b)
		require.Len(t, b, len(before))
		var x, y any
		if Unmarshal(before, &x) == nil {
			require.NoError(t, Unmarshal(b, &y))
		}
	})
}
