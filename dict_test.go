package carom

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDict(t *testing.T) {
	m, ctx := testCoordinator(t)
	d, err := NewDict[string, int](m, "d")
	require.NoError(t, err)

	require.NoError(t, d.Set(ctx, "b", 1))
	require.NoError(t, d.Set(ctx, "a", 2))
	require.NoError(t, d.Set(ctx, "b", 3))
	v, ok, err := d.Get(ctx, "b")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 3, v)
	_, ok, err = d.Get(ctx, "x")
	require.NoError(t, err)
	require.False(t, ok)
	keys, err := d.Keys(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"b", "a"}, keys)
	values, err := d.Values(ctx)
	require.NoError(t, err)
	require.Equal(t, []int{3, 2}, values)

	v, loaded, err := d.SetDefault(ctx, "c", 9)
	require.NoError(t, err)
	require.False(t, loaded)
	require.Equal(t, 9, v)
	v, loaded, err = d.SetDefault(ctx, "c", 8)
	require.NoError(t, err)
	require.True(t, loaded)
	require.Equal(t, 9, v)

	require.NoError(t, d.Update(ctx, map[string]int{"d": 4}))
	some, err := d.GetMany(ctx, "a", "x", "d")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"a": 2, "d": 4}, some)
	k, v, err := d.PopItem(ctx)
	require.NoError(t, err)
	require.Equal(t, "d", k)
	require.Equal(t, 4, v)
	v, ok, err = d.Pop(ctx, "c")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 9, v)
	_, ok, err = d.Pop(ctx, "c")
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, d.Delete(ctx, "never"))
	has, err := d.Contains(ctx, "a")
	require.NoError(t, err)
	require.True(t, has)

	n, err := d.Len(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	all, err := d.Snapshot(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"b": 3, "a": 2}, all)
	require.NoError(t, d.Clear(ctx))
	_, _, err = d.PopItem(ctx)
	require.ErrorIs(t, err, ErrNotFound)
	require.EqualError(t, err, `carom: pop item Dict "d": not found: the dict is empty`)
}

func TestDictCompute(t *testing.T) {
	m, ctx := testCoordinator(t)
	d, err := NewDict[string, int](m, "d")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				_, err := d.Compute(ctx, "n", func(old int, ok bool) (int, error) { return old + 1, nil })
				if err != nil {
					t.Error(err)
				}
				if _, err := AddKey(ctx, d, "m", 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	all, err := d.Snapshot(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"n": 400, "m": 400}, all)

	mine := errors.New("mine")
	_, err = d.Compute(ctx, "n", func(int, bool) (int, error) { return 0, mine })
	require.Equal(t, mine, err)
}

func TestAddKeyWraps(t *testing.T) {
	m, ctx := testCoordinator(t)
	d, err := NewDict[string, int8](m, "d")
	require.NoError(t, err)
	_, err = AddKey(ctx, d, "n", 127)
	require.NoError(t, err)
	v, err := AddKey(ctx, d, "n", 1)
	require.NoError(t, err)
	require.Equal(t, int8(-128), v)
	f, err := NewDict[string, float32](m, "f")
	require.NoError(t, err)
	_, err = AddKey(ctx, f, "x", 0.1)
	require.NoError(t, err)
	sum, err := AddKey(ctx, f, "x", 0.2)
	require.NoError(t, err)
	require.Equal(t, float32(0.1)+float32(0.2), sum)
	u, err := NewDict[string, uint64](m, "u")
	require.NoError(t, err)
	require.NoError(t, u.Set(ctx, "n", math.MaxUint64))
	w, err := AddKey(ctx, u, "n", 2)
	require.NoError(t, err)
	require.Equal(t, uint64(1), w)
}

func TestDictAllIsOrderedAndChunked(t *testing.T) {
	m, ctx := testCoordinator(t)
	d, err := NewDict[int, int](m, "d")
	require.NoError(t, err)
	many := map[int]int{}
	for i := range 3 * scanChunk {
		many[i] = i
	}
	require.NoError(t, d.Update(ctx, many))
	seen := map[int]bool{}
	for e, err := range d.All(ctx) {
		require.NoError(t, err)
		require.Equal(t, e.Key, e.Value)
		require.False(t, seen[e.Key])
		seen[e.Key] = true
		require.NoError(t, ctx.Err())
		if len(seen)%1000 == 0 { // what is inserted on the way is not met
			require.NoError(t, d.Set(ctx, -len(seen), 0))
		}
	}
	require.Len(t, seen, len(many))
	all, err := d.Snapshot(ctx)
	require.NoError(t, err)
	require.Len(t, all, len(many)+12)
}

func TestDictWatch(t *testing.T) {
	m, ctx := testCoordinator(t)
	d, err := NewDict[string, int](m, "d")
	require.NoError(t, err)
	changes := d.Watch(ctx, "a")
	require.NoError(t, d.Set(ctx, "a", 1))
	require.NoError(t, d.Set(ctx, "b", 2))
	require.NoError(t, d.Delete(ctx, "a"))
	require.NoError(t, d.Clear(ctx))
	var got []string
	for c, err := range changes {
		require.NoError(t, err)
		got = append(got, fmt.Sprint(c.Op, c.Key, c.Value))
		if c.Op == ChangeClear {
			break
		}
	}
	require.Equal(t, []string{"seta1", "deletea0", "clear0"}, got)

	ending, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range d.Watch(ending) {
		require.ErrorIs(t, err, context.Canceled)
	}
}
