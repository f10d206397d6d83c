package carom

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestList(t *testing.T) {
	m, ctx := testCoordinator(t)
	l, err := NewList[string](m, "l")
	require.NoError(t, err)
	is := func(want ...string) {
		t.Helper()
		got, err := l.Snapshot(ctx)
		require.NoError(t, err)
		require.Equal(t, append([]string{}, want...), got)
		var ranged []string
		for v, err := range l.All(ctx) {
			require.NoError(t, err)
			ranged = append(ranged, v)
		}
		require.Equal(t, want, ranged)
	}
	is()
	require.NoError(t, l.Append(ctx, "a", "b", "c"))
	require.NoError(t, l.Insert(ctx, -1, "x", "y"))
	require.NoError(t, l.Insert(ctx, 100, "end"))
	require.NoError(t, l.Insert(ctx, -100, "start"))
	is("start", "a", "b", "x", "y", "c", "end")
	v, err := l.Pop(ctx, -1)
	require.NoError(t, err)
	require.Equal(t, "end", v)
	v, err = l.Get(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, "a", v)
	require.NoError(t, l.Set(ctx, 0, "a"))
	n, err := l.Count(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	i, err := l.Index(ctx, "x")
	require.NoError(t, err)
	require.Equal(t, 3, i)
	_, err = l.Index(ctx, "nothing")
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, l.Remove(ctx, "a"))
	require.ErrorIs(t, l.Remove(ctx, "nothing"), ErrNotFound)
	has, err := l.Contains(ctx, "y")
	require.NoError(t, err)
	require.True(t, has)
	part, err := l.Slice(ctx, 1, math.MaxInt)
	require.NoError(t, err)
	require.Equal(t, []string{"b", "x", "y", "c"}, part)
	require.NoError(t, l.Delete(ctx, 1, -1))
	is("a", "c")
	require.NoError(t, l.Reverse(ctx))
	is("c", "a")
	require.NoError(t, l.Sort(ctx))
	is("a", "c")
	_, err = l.Get(ctx, 7)
	require.ErrorIs(t, err, ErrNotFound)
	require.EqualError(t, err, `carom: get List "l": not found: index 7 out of range of 2`)
	require.NoError(t, l.Clear(ctx))
	n, err = l.Len(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestListSort(t *testing.T) {
	m, ctx := testCoordinator(t)
	l, err := NewList[any](m, "l")
	require.NoError(t, err)
	big := uint64(math.MaxUint64)
	require.NoError(t, l.Append(ctx, 3, 1.5, int64(math.MinInt64), big, -2, 1<<53+1, float64(1<<53), math.Inf(1), math.NaN()))
	require.NoError(t, l.Sort(ctx))
	got, err := l.Snapshot(ctx)
	require.NoError(t, err)
	require.True(t, math.IsNaN(got[0].(float64)))
	require.Equal(t, []any{int64(math.MinInt64), int64(-2), 1.5, int64(3), float64(1 << 53), int64(1<<53 + 1)}, got[1:7])
	require.Equal(t, math.Inf(1), got[8])
	require.NoError(t, l.Append(ctx, "text"))
	require.ErrorIs(t, l.Sort(ctx), ErrType)
	require.NoError(t, l.Clear(ctx))
	require.NoError(t, l.Append(ctx, []int{1}))
	require.ErrorIs(t, l.Sort(ctx), ErrType)
}
