package carom

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type sample struct {
	ID     int64             `cbor:"id"`
	Name   string            `cbor:"name,omitempty"`
	Tags   map[string]string `cbor:"tags"`
	When   time.Time         `cbor:"when"`
	Raw    []byte            `cbor:"raw"`
	Big    *big.Int          `cbor:"big"`
	Nested *sample           `cbor:"nested"`
	Ratio  float64
	Any    any
}

// value draws what an any gives back as it was.
func value(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.String().AsAny(),
		rapid.Float64().AsAny(), rapid.SliceOf(rapid.Byte()).AsAny(),
		rapid.SampledFrom([]any{math.Inf(1), math.Inf(-1), math.NaN(), "a\x00b", "\xff\xfe", math.Copysign(0, -1), int64(math.MinInt64)}),
		rapid.Custom(func(t *rapid.T) any {
			n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 9, 30).Draw(t, "big"))
			n.SetBit(n, 70, 1)
			if rapid.Bool().Draw(t, "negative") {
				n.Neg(n)
			}
			return *n
		}),
		rapid.Custom(func(t *rapid.T) any {
			return time.Unix(rapid.Int64Range(-1e10, 1e11).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC()
		}),
	}
	if depth > 0 {
		leaves = append(leaves,
			rapid.SliceOfN(value(depth-1), 0, 4).AsAny(),
			rapid.MapOfN(rapid.String(), value(depth-1), 0, 4).AsAny(),
			rapid.MapOfN(rapid.Int64().AsAny(), value(depth-1), 1, 3).AsAny())
	}
	return rapid.OneOf(leaves...)
}

// same is equality that takes a NaN for equal to itself, an empty slice or map
// for one that is nil, and big integers by their value.
func same(t require.TestingT, want, got any) {
	switch w := want.(type) {
	case float64:
		g, ok := got.(float64)
		require.True(t, ok, "%T", got)
		require.True(t, math.IsNaN(w) && math.IsNaN(g) || math.Float64bits(w) == math.Float64bits(g), "%v %v", w, g)
	case []any:
		require.Len(t, got, len(w))
		for i := range w {
			same(t, w[i], got.([]any)[i])
		}
	case map[string]any:
		require.Len(t, got, len(w))
		for k := range w {
			same(t, w[k], got.(map[string]any)[k])
		}
	case map[any]any:
		require.Len(t, got, len(w))
		for k := range w {
			same(t, w[k], got.(map[any]any)[k])
		}
	case big.Int:
		g, ok := got.(big.Int)
		require.True(t, ok, "%T", got)
		require.Zero(t, w.Cmp(&g))
	case time.Time:
		require.True(t, w.Equal(got.(time.Time)), "%v %v", want, got)
	case []byte:
		require.Equal(t, string(w), string(got.([]byte)))
	default:
		require.Equal(t, want, got)
	}
}

func TestWhatGoesInComesOut(t *testing.T) {
	m, ctx := testCoordinator(t)
	d, err := NewDict[string, any](m, "d")
	require.NoError(t, err)
	l, err := NewList[any](m, "l")
	require.NoError(t, err)
	ns, err := NewNamespace(m, "ns")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		v, key := value(3).Draw(t, "value"), rapid.String().Draw(t, "key")
		require.NoError(t, d.Set(ctx, key, v))
		got, ok, err := d.Get(ctx, key)
		require.NoError(t, err)
		require.True(t, ok)
		same(t, v, got)
		require.NoError(t, l.Append(ctx, v))
		got, err = l.Pop(ctx, -1)
		require.NoError(t, err)
		same(t, v, got)
		a := Attr[any](key)
		require.NoError(t, a.Set(ctx, ns, v))
		got, err = a.Get(ctx, ns)
		require.NoError(t, err)
		same(t, v, got)
	})
}

func TestStructsKeepTheirTypes(t *testing.T) {
	m, ctx := testCoordinator(t)
	d, err := NewDict[[2]int16, sample](m, "d")
	require.NoError(t, err)
	huge, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	in := sample{
		ID: math.MinInt64, Name: "n\x00", Tags: map[string]string{"a": "b"}, Raw: []byte{0, 1}, Big: huge,
		When:   time.Date(2024, 2, 29, 1, 2, 3, 123456789, time.FixedZone("", -3600)),
		Nested: &sample{Ratio: math.Inf(-1), Any: map[string]any{"k": []any{int64(1), nil, "x"}}},
		Any:    map[any]any{int64(1): "one", "two": map[string]any{"deep": true}},
	}
	require.NoError(t, d.Set(ctx, [2]int16{1, -2}, in))
	out, ok, err := d.Get(ctx, [2]int16{1, -2})
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, in.When.Equal(out.When))
	out.When = in.When
	require.Equal(t, in, out)
	keys, err := d.Keys(ctx)
	require.NoError(t, err)
	require.Equal(t, [][2]int16{{1, -2}}, keys)
}

func TestWhatCannotBeEncoded(t *testing.T) {
	m, ctx := testCoordinator(t)
	l, err := NewList[any](m, "l")
	require.NoError(t, err)
	require.ErrorIs(t, l.Append(ctx, 1, func() {}), ErrType)
	n, err := l.Len(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	var deep any
	for range 200 {
		deep = []any{deep}
	}
	require.ErrorIs(t, l.Append(ctx, deep), ErrTooLarge)
}
