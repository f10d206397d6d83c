package tests

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// closeOwnLock: the lock of a value or an array is a handle of its own, which can be closed
// without the value's. Sent through a queue it arrives as what it is, or is refused.
func closeOwnLock(t *testing.T, p *closePlace) {
	names := [...]string{p.name(), p.name(), p.name()}
	v := carom.Must(carom.NewValue[int64](p.m, names[0], carom.Initial[int64](5)))
	a := carom.Must(carom.NewArray[int64](p.m, names[1], 3))
	for _, c := range []struct {
		kind string
		h    closer
		lock func() *carom.Lock
		use  func()
	}{
		{"Value", v, v.Lock, func() {
			before := v.Load()
			require.NotZero(t, before)
			require.NoError(t, v.Err())
			require.NoError(t, v.Update(within(t), func(n *int64) error { *n++; return nil }))
			require.Equal(t, before+1, v.Load())
		}},
		{"Array", a, a.Lock, func() {
			before := a.Load(2)
			require.NoError(t, a.Err())
			require.NoError(t, a.Do(within(t), func(s []int64) error { s[2]++; return nil }))
			require.Equal(t, before+1, a.Load(2))
		}},
	} {
		first, second := c.lock(), c.lock()
		require.NoError(t, first.Close())
		require.ErrorIs(t, first.Lock(within(t)), carom.ErrClosed)
		require.ErrorIs(t, first.TryLock(), carom.ErrClosed)
		c.use()
		require.NoError(t, second.Lock(within(t)))
		require.NoError(t, second.Close()) // it does not unlock
		third := c.lock()
		require.ErrorIs(t, third.TryLock(), carom.ErrLocked)
		require.NoError(t, third.Unlock())
		c.use()

		q := carom.Must(carom.NewQueue[*carom.Lock](p.m, names[2]))
		if err := q.Put(t.Context(), third); err != nil {
			require.ErrorIs(t, err, carom.ErrType)
			require.Zero(t, q.Len())
		} else {
			got, err := q.Get(within(t))
			require.NoError(t, err, "a lock was put and is lost")
			require.NoError(t, got.Lock(within(t)))
			require.ErrorIs(t, third.TryLock(), carom.ErrLocked)
			require.NoError(t, got.Unlock())
			require.NoError(t, got.Close())
		}
		require.NoError(t, q.Close())
		require.NoError(t, p.m.Remove(t.Context(), names[2]))
		c.use()
		require.NoError(t, third.Close())
		require.NoError(t, c.h.Close())
	}
	require.NoError(t, errors.Join(p.m.Remove(t.Context(), names[0]), p.m.Remove(t.Context(), names[1])))
}
