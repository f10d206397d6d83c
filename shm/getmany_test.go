package shm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// A GetMany that ends between two large items, because its context does or its handle is
// closed, has made room all the same, and says so.
func TestGetManyEndsBetweenItems(t *testing.T) {
	for name, end := range map[string]func(cancel context.CancelFunc, r *Items){
		"context": func(cancel context.CancelFunc, _ *Items) { cancel() },
		"close":   func(_ context.CancelFunc, r *Items) { go func() { _ = r.u.Close(context.Background()) }() },
	} {
		t.Run(name, func(t *testing.T) {
			q, r := queues(t, Queue, 1, false)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			item := make([]byte, MaxInline+1)
			require.NoError(t, q.Put(ctx, nil, item, true))
			put := make(chan error)
			slept, _ := q.d.Stats()
			go func() { put <- q.Put(t.Context(), nil, item, true) }()
			for now, _ := q.d.Stats(); now == slept; now, _ = q.d.Stats() {
			}

			_, n, err := r.GetMany(ctx, 2, func(int, []byte) {
				require.True(t, q.h.head.lock.TryOwn(q.d), "the lock is free while a large item is copied")
				end(cancel, r)
			})
			q.unlockHead()
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.NoError(t, <-put)
			require.Equal(t, 1, q.Len())
		})
	}
}

// The error of an item's block comes with the item.
func TestGetManyTellsOfABlock(t *testing.T) {
	q, r := queues(t, Queue, 0, false)
	for range 2 { // larger than what is kept for next items
		require.NoError(t, q.Put(t.Context(), nil, make([]byte, 5*mib), true))
	}
	_, n, err := r.GetMany(t.Context(), 2, func(int, []byte) {
		require.NoError(t, q.a.lock(t.Context()))
		r.d.Close()
	})
	q.a.unlock()
	require.ErrorIs(t, err, errs.ErrClosed)
	require.Equal(t, 1, n)
}

// Claims have their room before the lock is taken, whatever their number.
func TestGetManyAllocatesBefore(t *testing.T) {
	const n = 3000
	q, r := queues(t, Queue, 0, true)
	ctx := t.Context()
	many := make([]byte, 8*n)
	allocs := testing.AllocsPerRun(5, func() {
		put, err := q.PutMany(ctx, many, 8)
		require.NoError(t, err)
		require.Equal(t, n, put)
		claims, got, err := r.GetMany(ctx, n, func(int, []byte) {})
		require.NoError(t, err)
		require.Equal(t, n, got)
		for _, c := range claims {
			require.NoError(t, r.Done(ctx, c))
		}
	})
	require.Less(t, allocs, 8.0)
}
