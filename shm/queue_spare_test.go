package shm

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// What is kept for the next items is in nobody's way: who waits keeps nothing, nor who
// has closed the queue, nor who needs the memory himself.
func TestSpares(t *testing.T) {
	q, r := queues(t, ByteQueue, 0, false)
	ctx := t.Context()
	pass := func(size, n int) {
		for range n {
			block, buf, err := q.Reserve(ctx, size)
			require.NoError(t, err)
			require.NoError(t, q.Commit(ctx, block, len(buf), true))
		}
		for range n {
			block, view, err := r.Receive(ctx, true)
			require.NoError(t, err)
			require.Len(t, view, size)
			require.NoError(t, r.Drop(block))
		}
	}
	pass(100, 1)
	require.Empty(t, q.o.spare.blocks, "one item is no stream")
	pass(100, 100)
	require.NotEmpty(t, q.o.spare.blocks)
	require.NotEmpty(t, r.o.spare.blocks)
	pass(1000, 100) // another size takes the place
	sound(t, q.a, false)

	waiting, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	slept, _ := r.d.Stats()
	go func() { _, _, err := r.Receive(waiting, true); ended <- err }()
	for now, _ := r.d.Stats(); now == slept; now, _ = r.d.Stats() {
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, r.o.spare.blocks)

	var all []uint64
	for {
		block, _, err := q.Reserve(ctx, 60_000)
		if errors.Is(err, errs.ErrNoMemory) {
			break
		}
		require.NoError(t, err)
		all = append(all, block)
	}
	require.Empty(t, q.o.spare.blocks)
	for _, block := range all {
		require.NoError(t, q.Drop(block))
	}
	require.NotEmpty(t, q.o.spare.blocks)
	require.LessOrEqual(t, q.a.spare.Load(), q.a.spareBytes())
	block, _, err := r.Reserve(ctx, 100)
	require.NoError(t, err)
	require.NoError(t, q.u.Close(context.Background()))
	require.NoError(t, r.u.Close(context.Background()))
	require.NoError(t, r.Drop(block), "after the close")
	require.Zero(t, q.a.spare.Load()+r.a.spare.Load())
	require.NoError(t, q.a.Remove(ctx, q.o.Name))
	sound(t, q.a, true)
	require.Zero(t, q.a.Stats().Used)
}
