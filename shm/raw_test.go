package shm

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who knows the type and who knows its size alone see each other's elements, and none in
// pieces.
func TestRawIsTheSameMemory(t *testing.T) {
	a := newArena(t, 4*mib)
	type pair struct{ X, Y uint64 }
	o, _, err := a.Open(t.Context(), Spec{Name: "v", Kind: Value, Type: "pair", Payload: CellPayload(16),
		Init: func(p []byte) { InitRaw(Value, 16, p, BytesOfOne(&pair{7, 7})) }})
	require.NoError(t, err)
	require.Equal(t, pair{7, 7}, LoadBig[pair](o.Object))
	raw := RawValue(o, 16)
	const rounds = 2000
	var wg sync.WaitGroup
	writers, readers := 2, 2
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				v := pair{uint64(i * (w + 1)), uint64(i * (w + 1))}
				var err error
				if w == 0 {
					err = UpdateBig(t.Context(), o, func(pair) (pair, bool) { return v, true })
				} else {
					err = raw.Change(t.Context(), 0, func([]byte) []byte { return BytesOfOne(&v) })
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for r := range readers {
		wg.Go(func() {
			var b []byte
			for range rounds {
				v := LoadBig[pair](o.Object)
				if b = raw.Append(b[:0], 0, 1); r == 0 {
					copy(BytesOfOne(&v), b)
				}
				if v.X != v.Y {
					t.Errorf("half of it: %v", v)
				}
			}
		})
	}
	wg.Wait()
}

func TestRawElementsAreWhole(t *testing.T) {
	a := newArena(t, 4*mib)
	o, _, err := a.Open(t.Context(), Spec{Name: "a", Kind: Array, Type: "uint32", Param: 101, Payload: ArrayPayload(4, 101)})
	require.NoError(t, err)
	words, raw := Elements[uint32](o.Object, 101), RawArray(o, 4)
	const rounds = 1000
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range uint32(rounds) {
			for k := 1; k < 100; k++ {
				StoreAt(ElementAt(&words[k]), i<<16|i)
			}
		}
	})
	wg.Go(func() {
		b := make([]uint32, 99)
		for i := range uint32(rounds) {
			for k := range b {
				b[k] = i<<16 | i
			}
			raw.Write(1, BytesOf(b))
		}
	})
	wg.Go(func() {
		b := make([]uint32, 99)
		var buf []byte
		for range rounds {
			buf = raw.Append(buf[:0], 1, 99)
			copy(BytesOf(b), buf)
			for k, v := range b {
				if v>>16 != v&0xffff {
					t.Errorf("half of element %d: %#x", k+1, v)
				}
			}
		}
	})
	wg.Wait()
	require.Zero(t, words[0], "the neighbours are untouched")
	require.Zero(t, words[100])
}

// What lies between fields counts for a word as it lies there, so an update of it ends.
func TestWordsAreComparedAsTheyLie(t *testing.T) {
	a := newArena(t, 4*mib)
	type gap struct {
		A uint8
		B uint32
	}
	o, _, err := a.Open(t.Context(), Spec{Name: "v", Kind: Value, Type: "gap", Payload: CellPayload(8)})
	require.NoError(t, err)
	raw := RawValue(o, 8)
	dirty := []byte{1, 0xaa, 0xbb, 0xcc, 2, 0, 0, 0}
	require.NoError(t, raw.Change(t.Context(), 0, func([]byte) []byte { return dirty }))
	var c Cell[gap]
	c.Bind(o.Object)
	bits := BitsAt[gap](c.Place())
	require.Equal(t, gap{1, 2}, FromBits[gap](bits))
	require.True(t, SwapBitsAt(c.Place(), bits, gap{3, 4}))
	require.False(t, SwapBitsAt(c.Place(), bits, gap{5, 6}))
	require.Equal(t, gap{3, 4}, LoadAt[gap](c.Place()))
	b, version := raw.AppendVersioned(nil)
	dirty[0] = 9
	done, err := raw.ChangeIf(t.Context(), version, dirty)
	require.NoError(t, err)
	require.True(t, done)
	done, err = raw.ChangeIf(t.Context(), version, b)
	require.NoError(t, err)
	require.False(t, done)
	require.Equal(t, gap{9, 2}, LoadAt[gap](c.Place()))
}

// A part of a word is swapped beside its neighbours, which do not count.
func TestPartsOfWordsAreCompared(t *testing.T) {
	a := newArena(t, 4*mib)
	o, _, err := a.Open(t.Context(), Spec{Name: "a", Kind: Array, Type: "uint16", Param: 4, Payload: ArrayPayload(2, 4)})
	require.NoError(t, err)
	parts := Elements[uint16](o.Object, 4)
	copy(parts, []uint16{1, 2, 3, 4})
	bits := BitsAt[uint16](ElementAt(&parts[1]))
	parts[0] = 7
	require.True(t, SwapBitsAt(ElementAt(&parts[1]), bits, uint16(9)))
	require.False(t, SwapBitsAt(ElementAt(&parts[1]), bits, uint16(10)))
	require.Equal(t, []uint16{7, 9, 3, 4}, parts)
}
