package tests

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func TestPythonQueue(t *testing.T) {
	a, b := pair(t)
	ctx := t.Context()
	q := carom.Must(carom.NewQueue[string](a, "q", carom.Cap(6)))
	r := carom.Must(carom.OpenQueue[string](b, "q"))
	require.True(t, q.Empty())
	require.False(t, q.Full())
	require.Equal(t, 6, r.Cap())
	for _, v := range []string{"1", "2", "3", "4", "5", "6"} {
		require.NoError(t, q.Put(ctx, v))
	}
	require.True(t, r.Full())
	require.Equal(t, 6, r.Len())
	require.ErrorIs(t, q.TryPut("7"), carom.ErrFull)
	require.ErrorIs(t, q.TryPut("7"), carom.ErrWouldBlock)
	require.ErrorIs(t, r.Put(soon(t), "7"), context.DeadlineExceeded)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, r.Put(cancelled, "7"), context.Canceled)
	for _, v := range []string{"1", "2", "3", "4", "5", "6"} {
		got, err := r.Get(ctx)
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
	require.True(t, q.Empty())
	_, err := q.TryGet()
	require.ErrorIs(t, err, carom.ErrEmpty)
	require.ErrorIs(t, err, carom.ErrWouldBlock)
	_, err = r.Get(soon(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, r.CloseWrite())
	require.ErrorIs(t, q.CloseWrite(), carom.ErrClosed)
	require.ErrorIs(t, q.Put(ctx, "8"), carom.ErrClosed)
	_, err = r.Get(ctx)
	require.Equal(t, io.EOF, err)
	require.NoError(t, r.Close())
	require.ErrorIs(t, r.TryPut("9"), carom.ErrClosed)
	checked(t, a)
}

// TestPythonQueueOrder has several producers: each one's items come in its order.
func TestPythonQueueOrder(t *testing.T) {
	for name, opts := range map[string][]carom.Option{"plain": nil, "capped": {carom.Cap(7)}, "sure": {carom.AtLeastOnce()}} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			const producers, each = 4, 500
			q := carom.Must(carom.NewQueue[[2]int](a, "q", opts...))
			r := carom.Must(carom.OpenQueue[[2]int](b, "q"))
			var put []<-chan error
			for p := range producers {
				h := q
				if p%2 == 1 {
					h = r
				}
				put = append(put, result(func() error {
					for i := range each {
						if err := h.Put(context.Background(), [2]int{p, i}); err != nil {
							return err
						}
					}
					return nil
				}))
			}
			var next [producers]int
			for range producers * each {
				v, err := r.Get(within(t))
				require.NoError(t, err)
				require.Equal(t, next[v[0]], v[1])
				next[v[0]]++
				require.NoError(t, r.TaskDone())
			}
			for _, p := range put {
				require.NoError(t, receive(t, p))
			}
			require.NoError(t, q.Join(within(t)))
			checked(t, a)
		})
	}
}

// TestPythonJoin is the JoinableQueue.
func TestPythonJoin(t *testing.T) {
	for name, opts := range map[string][]carom.Option{"plain": nil, "sure": {carom.AtLeastOnce()}} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			ctx := t.Context()
			q := carom.Must(carom.NewJoinableQueue[int](a, "q", opts...))
			r := carom.Must(carom.OpenQueue[int](b, "q"))
			require.NoError(t, q.Join(ctx), "nothing to wait for")
			require.ErrorIs(t, q.TaskDone(), carom.ErrOverRelease)
			for i := range 10 {
				require.NoError(t, q.Put(ctx, i))
			}
			join := result(func() error { return q.Join(context.Background()) })
			require.ErrorIs(t, r.Join(soon(t)), context.DeadlineExceeded)
			for i := range 10 {
				_, err := r.Get(ctx)
				require.NoError(t, err)
				silent(t, join)
				if i < 9 {
					require.NoError(t, r.TaskDone())
				}
			}
			require.True(t, q.Empty(), "empty, but not done")
			silent(t, join)
			require.NoError(t, r.TaskDone())
			require.NoError(t, receive(t, join))
			require.ErrorIs(t, r.TaskDone(), carom.ErrOverRelease, "once for each item")
			// Again: join is not for once.
			require.NoError(t, q.Put(ctx, 1))
			join = result(func() error { return q.Join(context.Background()) })
			_, err := r.Get(ctx)
			require.NoError(t, err)
			require.NoError(t, r.TaskDone())
			require.NoError(t, receive(t, join))
		})
	}
}

// TestPythonClose ends all who wait, and drains.
func TestPythonClose(t *testing.T) {
	a, b := pair(t)
	ctx := t.Context()
	q := carom.Must(carom.NewQueue[int](a, "q", carom.Cap(2)))
	r := carom.Must(carom.OpenQueue[int](b, "q"))
	require.NoError(t, q.Put(ctx, 1))
	require.NoError(t, q.Put(ctx, 2))
	var puts, gets []<-chan error
	for range 4 {
		puts = append(puts, result(func() error { return r.Put(context.Background(), 3) }))
	}
	require.NoError(t, q.CloseWrite())
	for _, p := range puts {
		require.ErrorIs(t, receive(t, p), carom.ErrClosed)
	}
	for want := range 2 {
		v, err := r.Get(ctx)
		require.NoError(t, err)
		require.Equal(t, want+1, v)
	}
	e := carom.Must(carom.NewQueue[int](a, "e"))
	f := carom.Must(carom.OpenQueue[int](b, "e"))
	for range 4 {
		gets = append(gets, result(func() error { _, err := f.Get(context.Background()); return err }))
	}
	require.NoError(t, e.CloseWrite())
	for _, g := range gets {
		require.Equal(t, io.EOF, receive(t, g))
	}
	n := 0
	for _, err := range e.All(ctx) {
		require.NoError(t, err)
		n++
	}
	require.Zero(t, n)
}
