package carom_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// One consumer that is slow with an item keeps nobody's memory: others pass more beside it
// than the arena holds.
func TestSlowConsumer(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		q := carom.Must(carom.NewQueue[[8000]byte](a, "q", carom.Cap(16), carom.AtLeastOnce()))
		slow := carom.Must(carom.OpenQueue[[8000]byte](b, "q"))
		item := new([8000]byte)
		require.NoError(t, q.Put(ctx, *item))
		require.NoError(t, slow.GetInto(ctx, item))
		for range 9000 {
			require.NoError(t, q.Put(ctx, *item))
			require.NoError(t, q.GetInto(ctx, item))
			require.NoError(t, q.TaskDone())
		}
		require.NoError(t, slow.TaskDone())
		require.NoError(t, q.Join(ctx))
		sound(t, a)
	})
}

// What a closed handle had taken comes back in order.
func TestReturnedInOrder(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		const n = 5000
		ctx := t.Context()
		q := carom.Must(carom.NewQueue[int64](a, "q", carom.AtLeastOnce()))
		list := make([]int64, n)
		for i := range list {
			list[i] = int64(i)
		}
		_, err := q.PutMany(ctx, list)
		require.NoError(t, err)
		first := carom.Must(carom.OpenQueue[int64](b, "q"))
		for _, q := range []*carom.Queue[int64]{first, q} {
			clear(list)
			for got := 0; got < n; {
				more, err := q.GetMany(ctx, list[got:])
				require.NoError(t, err)
				got += more
			}
			for i := range list {
				require.EqualValues(t, i, list[i])
			}
			if q == first {
				require.NoError(t, first.Close())
			}
		}
		for range list {
			require.NoError(t, q.TaskDone())
		}
		require.NoError(t, q.Join(ctx))
		sound(t, a)
	})
}
