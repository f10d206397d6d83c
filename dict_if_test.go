package carom_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func TestDictIf(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		x := carom.Must(carom.NewDict[string, int](a, "d"))
		y := carom.Must(carom.NewDict[string, int](b, "d"))
		setIf := func(d *carom.Dict[string, int], value int, version uint64) (uint64, bool) {
			t.Helper()
			now, done, err := d.SetIf(ctx, "k", value, version)
			require.NoError(t, err)
			return now, done
		}
		now, done := setIf(x, 1, 5)
		require.False(t, done)
		require.Zero(t, now, "it is not there")
		first, done := setIf(x, 1, 0)
		require.True(t, done)
		require.NotZero(t, first)
		now, done = setIf(y, 2, 0)
		require.False(t, done)
		require.Equal(t, first, now, "it is there")
		second, done := setIf(y, 2, first)
		require.True(t, done)
		require.Greater(t, second, first)
		now, done = setIf(x, 3, first)
		require.False(t, done)
		require.Equal(t, second, now)
		for e, err := range x.All(ctx) {
			require.NoError(t, err)
			require.Equal(t, carom.Entry[string, int]{Key: "k", Value: 2, Version: second}, e)
		}
		for _, version := range []uint64{0, first, second + 1} {
			done, err := x.DeleteIf(ctx, "k", version)
			require.NoError(t, err)
			require.False(t, done)
		}
		done, err := x.DeleteIf(ctx, "k", second)
		require.NoError(t, err)
		require.True(t, done)
		for _, version := range []uint64{0, second} {
			done, err = y.DeleteIf(ctx, "k", version)
			require.NoError(t, err)
			require.False(t, done)
		}
		third, done := setIf(y, 4, 0)
		require.True(t, done)
		require.Greater(t, third, second, "versions of what was removed do not come back")
	})
}

func TestComputeDeletes(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		x := carom.Must(carom.NewDict[string, int](a, "d"))
		y := carom.Must(carom.NewDict[string, int](b, "d"))
		require.NoError(t, x.Set(ctx, "k", 1))
		runs := 0
		v, err := y.Compute(ctx, "k", func(old int, ok bool) (int, error) {
			require.True(t, ok)
			if runs++; runs == 1 {
				require.NoError(t, x.Set(ctx, "k", 2))
				return 9, carom.ErrDelete
			}
			require.Equal(t, 2, old)
			return 9, errors.Join(carom.ErrDelete)
		})
		require.NoError(t, err)
		require.Zero(t, v)
		require.Equal(t, 2, runs)
		has, err := x.Contains(ctx, "k")
		require.NoError(t, err)
		require.False(t, has)
		v, err = x.Compute(ctx, "k", func(old int, ok bool) (int, error) {
			require.False(t, ok)
			return 9, carom.ErrDelete
		})
		require.NoError(t, err)
		require.Zero(t, v)
		v, err = x.Compute(ctx, "k", func(old int, ok bool) (int, error) {
			if ok {
				require.NoError(t, y.Delete(ctx, "k"))
				return 0, carom.ErrDelete
			}
			return 7, nil
		})
		require.NoError(t, err)
		require.Equal(t, 7, v)
		v, err = x.Compute(ctx, "k", func(old int, ok bool) (int, error) {
			if ok {
				require.NoError(t, y.Delete(ctx, "k"))
				return 0, carom.ErrDelete
			}
			require.Zero(t, old)
			return 8, nil
		})
		require.NoError(t, err)
		require.Equal(t, 8, v, "f ran again on what is there no more")
	})
}

// Compute and Pop of an entry that others change all the time end with their context.
func TestComputeEndsWithItsContext(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		x := carom.Must(carom.NewDict[string, int](a, "d"))
		y := carom.Must(carom.NewDict[string, int](b, "d"))
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		_, err := x.Compute(ctx, "k", func(int, bool) (int, error) {
			if runs++; runs == 3 {
				cancel()
			}
			return -1, y.Set(t.Context(), "k", runs)
		})
		require.Equal(t, context.Canceled, err)
		v, _, err := x.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, 3, v)
	})
}

// What a pop cannot return stays where it is.
func TestPopOfWhatDoesNotDecode(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		locks := carom.Must(carom.NewDict[string, *carom.Lock](a, "locks"))
		same := carom.Must(carom.NewDict[string, *carom.Lock](b, "locks"))
		lock := carom.Must(carom.NewLock(a, "l"))
		require.NoError(t, locks.Set(ctx, "k", lock))
		require.NoError(t, a.Remove(ctx, "l"))
		require.NoError(t, lock.Close())
		_, _, err := same.Pop(ctx, "k")
		require.ErrorIs(t, err, carom.ErrNotFound)
		_, _, err = same.PopItem(ctx)
		require.Error(t, err)
		has, err := locks.Contains(ctx, "k")
		require.NoError(t, err)
		require.True(t, has)
		require.NoError(t, same.Delete(ctx, "k"))
		v, ok, err := locks.Pop(ctx, "k")
		require.NoError(t, err)
		require.False(t, ok)
		require.Nil(t, v)
	})
}

// Each entry is popped once, whoever pops and whoever changes it meanwhile.
func TestPopsAcross(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		const n = 100
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		d := carom.Must(carom.NewDict[int, int](a, "d"))
		for i := range n {
			require.NoError(t, d.Set(ctx, i, 1))
		}
		var mu sync.Mutex
		sums := map[int]int{}
		var all sync.WaitGroup
		for i, m := range []*carom.Manager{a, b, a, b} {
			d := carom.Must(carom.OpenDict[int, int](m, "d"))
			all.Go(func() {
				for k := range n {
					var v int
					var ok bool
					var err error
					if i < 2 {
						v, ok, err = d.Pop(ctx, k)
					} else {
						k, v, err = d.PopItem(ctx)
						ok = err == nil
						if errors.Is(err, carom.ErrNotFound) {
							err = nil
						}
					}
					if err == nil {
						_, err = carom.AddKey(ctx, d, (k+n/2)%n, 1)
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if ok {
						sums[0] += v
					}
					sums[1]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		left, err := d.Values(ctx)
		require.NoError(t, err)
		for _, v := range left {
			sums[0] += v
		}
		require.Equal(t, n+sums[1], sums[0])
	})
}

func TestWatchAll(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		const n, each = 200, 300
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		x := carom.Must(carom.NewDict[int, int](a, "d"))
		y := carom.Must(carom.NewDict[int, int](b, "d"))
		for i := range n {
			require.NoError(t, x.Set(ctx, i, 0))
		}
		var all sync.WaitGroup
		all.Go(func() {
			for i := range each {
				if _, err := carom.AddKey(ctx, x, i%n, 1); err != nil {
					t.Error(err)
				}
				if i%7 == 0 {
					if _, _, err := x.Pop(ctx, (i+1)%n); err != nil {
						t.Error(err)
					}
				}
			}
			if err := x.Set(ctx, -1, 1); err != nil {
				t.Error(err)
			}
		})
		seen, last := map[int]int{}, uint64(0)
		began := 0
		for c, err := range y.WatchAll(ctx) {
			require.NoError(t, err)
			if began++; began > n {
				require.Greater(t, c.Version, last)
			}
			last = max(last, c.Version)
			if c.Op == carom.ChangeDelete {
				delete(seen, c.Key)
			} else {
				seen[c.Key] = c.Value
			}
			if c.Key == -1 {
				break
			}
		}
		all.Wait()
		there, err := y.Snapshot(ctx)
		require.NoError(t, err)
		require.Equal(t, there, seen)
	})
}
