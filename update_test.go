package carom_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// updates is Update beside a change of another process, which comes while f runs for the
// first time: f must see it.
func updates[T comparable](t *testing.T, a, b *carom.Manager, name string, other func(*carom.Value[T]), f func(*T) error, want T) {
	t.Helper()
	v := carom.Must(carom.NewValue[T](a, name))
	w := carom.Must(carom.NewValue[T](b, name))
	runs := 0
	require.NoError(t, w.Update(t.Context(), func(x *T) error {
		if runs++; runs == 1 {
			other(v)
		}
		return f(x)
	}), name)
	require.Equal(t, want, v.Load(), name)
	require.Equal(t, 2, runs, name)
}

func TestUpdateLosesNothing(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		plus64 := func(x *int64) error { *x++; return nil }
		updates(t, a, b, "add", func(v *carom.Value[int64]) { carom.Add(v, 1) }, plus64, 2)
		updates(t, a, b, "cas", func(v *carom.Value[int64]) { carom.CompareAndSwap(v, 0, 10) }, plus64, 11)
		updates(t, a, b, "store", func(v *carom.Value[int64]) { v.Store(20) }, plus64, 21)
		updates(t, a, b, "swap", func(v *carom.Value[int64]) { v.Swap(30) }, plus64, 31)
		updates(t, a, b, "uint8", func(v *carom.Value[uint8]) { carom.Add(v, 1) }, func(x *uint8) error { *x++; return nil }, 2)
		updates(t, a, b, "int16", func(v *carom.Value[int16]) { v.Store(-5) }, func(x *int16) error { *x--; return nil }, -6)
		updates(t, a, b, "uint32", func(v *carom.Value[uint32]) { v.Swap(7) }, func(x *uint32) error { *x *= 2; return nil }, 14)
		updates(t, a, b, "zero", func(v *carom.Value[float64]) { v.Store(math.Copysign(0, -1)) },
			func(x *float64) error { *x = 1 / *x; return nil }, math.Inf(-1))
		updates(t, a, b, "wide", func(v *carom.Value[wide]) { carom.CompareAndSwap(v, wide{}, wide{A: 10}) },
			func(x *wide) error { x.B++; return nil }, wide{A: 10, B: 1})
		updates(t, a, b, "wide again", func(v *carom.Value[wide]) { v.Store(wide{B: 3}); v.Store(wide{}) },
			func(x *wide) error { x.B++; return nil }, wide{B: 1})
		sound(t, a)
	})
}

// A value that equals nothing, not even itself, has not changed for all that.
func TestUpdateOfNaN(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		v := carom.Must(carom.NewValue[float64](a, "v", carom.Initial(math.NaN())))
		w := carom.Must(carom.NewValue[float64](b, "v"))
		runs := 0
		require.NoError(t, w.Update(t.Context(), func(x *float64) error { runs++; *x = 1; return nil }))
		require.Equal(t, 1, runs)
		require.Equal(t, 1.0, v.Load())
	})
}

// Where others change the value in each run of f, Update goes on until its context ends, and
// leaves nothing behind.
func TestUpdateEndsWithItsContext(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		v := carom.Must(carom.NewValue[int64](a, "v"))
		w := carom.Must(carom.NewValue[int64](b, "v"))
		ctx, cancel := context.WithCancel(t.Context())
		runs := int64(0)
		require.Equal(t, context.Canceled, w.Update(ctx, func(x *int64) error {
			if runs++; runs == 3 {
				cancel()
			}
			carom.Add(v, 1)
			*x = -1
			return nil
		}))
		require.Equal(t, runs, v.Load())
		require.NoError(t, v.Update(t.Context(), func(x *int64) error { *x = 5; return nil }), "the lock is free")
		oops := errors.New("oops")
		require.Equal(t, oops, w.Update(t.Context(), func(x *int64) error { *x = 6; return oops }))
		require.EqualValues(t, 5, w.Load())
	})
}

// The sum of what all processes added, by whatever means.
func TestUpdateStorm(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		const each = 100
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		carom.Must(carom.NewValue[int32](a, "word"))
		carom.Must(carom.NewValue[wide](a, "wide"))
		var all sync.WaitGroup
		for _, m := range []*carom.Manager{a, b} {
			word := carom.Must(carom.OpenValue[int32](m, "word"))
			large := carom.Must(carom.OpenValue[wide](m, "wide"))
			all.Go(func() {
				for range each {
					carom.Add(word, 1)
					for old := large.Load(); !carom.CompareAndSwap(large, old, wide{A: old.A + 1, B: old.B}); old = large.Load() {
					}
				}
			})
			all.Go(func() {
				for range each {
					if err := errors.Join(word.Update(ctx, func(x *int32) error { *x += 1000; return nil }),
						large.Update(ctx, func(x *wide) error { x.A += 1000; return nil })); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 2*each*1001, carom.Must(carom.OpenValue[int32](b, "word")).Load())
		require.EqualValues(t, 2*each*1001, carom.Must(carom.OpenValue[wide](b, "wide")).Load().A)
		sound(t, a)
	})
}

// What f returns after its manager is closed cannot be stored, and Update says so.
func TestUpdateWhoseManagerIsClosed(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		v := carom.Must(carom.NewValue[int64](a, "v"))
		large := carom.Must(carom.NewValue[wide](a, "large"))
		w := carom.Must(carom.NewValue[int64](b, "v"))
		mine := carom.Must(carom.NewValue[wide](b, "large"))
		require.ErrorIs(t, mine.Update(t.Context(), func(x *wide) error {
			require.ErrorIs(t, w.Update(t.Context(), func(x *int64) error { *x = 1; return b.Close() }), carom.ErrClosed)
			x.A = 1
			return nil
		}), carom.ErrClosed)
		require.Zero(t, v.Load())
		require.Zero(t, large.Load())
		sound(t, a)
	})
}
