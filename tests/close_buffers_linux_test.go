package tests

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// closeGivesBuffersBack closes a byte queue's handle beside calls that reserve, commit,
// receive and release. What they had when it was closed is free again, and no item is lost that
// nobody received.
func closeGivesBuffersBack(t *testing.T, p *closePlace) {
	name := p.name()
	base := carom.Must(carom.NewByteQueue(p.base, name))
	rounds := 2000
	if p.remote {
		rounds = 200
	}
	if raced {
		rounds /= 10
	}
	var committed, received atomic.Int64
	for range rounds {
		q := carom.Must(carom.OpenByteQueue(p.m, name))
		size := 100 + p.intN(20_000)
		calls := []*calling{
			call(t.Context(), func(ctx context.Context) error {
				for {
					buf, err := q.Reserve(ctx, size)
					if err != nil {
						return err
					}
					if err = q.CommitContext(ctx, buf); err != nil {
						return err
					}
					committed.Add(1)
					runtime.Gosched()
				}
			}),
			call(t.Context(), func(ctx context.Context) error {
				for {
					view, err := q.Receive(ctx)
					if err != nil {
						return err
					}
					received.Add(1)
					if err = q.Release(view); err != nil {
						return err
					}
					runtime.Gosched()
				}
			}),
			call(t.Context(), func(ctx context.Context) error {
				for {
					buf, err := q.Reserve(ctx, size)
					if err != nil {
						return err
					}
					if err = q.Release(buf); err != nil { // it is not to be committed after all
						return err
					}
					runtime.Gosched()
				}
			}),
		}
		p.spin(40 * time.Microsecond)
		require.NoError(t, closed(q))
		deadline := time.Now().Add(promptly)
		for _, c := range calls {
			err := c.end(deadline)
			// The slice of a handle that was closed is not from Reserve any more.
			if !errors.Is(err, carom.ErrClosed) && !errors.Is(err, carom.ErrNotFound) {
				t.Fatalf("its handle was closed, and the call: %v", err)
			}
		}
	}
	left := int64(0)
	for ; base.Len() > 0; left++ {
		view, err := base.TryReceive()
		require.NoError(t, err)
		require.NoError(t, base.Release(view))
	}
	require.Equal(t, committed.Load(), received.Load()+left, "items committed, and received or left")
	t.Logf("%d items committed, %d received, %d left", committed.Load(), received.Load(), left)
	require.NoError(t, base.Close())
	require.NoError(t, p.base.Remove(t.Context(), name))
}

// closeReturnsItems closes the handle of a queue with AtLeastOnce beside a Get that takes an
// item. The item goes back: another handle gets it, and Join does not hang.
func closeReturnsItems(t *testing.T, p *closePlace) {
	ctx := within(t)
	name := p.name()
	base := carom.Must(carom.NewQueue[[]byte](p.base, name, carom.AtLeastOnce()))
	rounds := 1500
	if p.remote {
		rounds = 150
	}
	if raced {
		rounds /= 10
	}
	took := 0
	for range rounds {
		q := carom.Must(carom.OpenQueue[[]byte](p.m, name))
		size := 8
		if p.intN(4) == 0 {
			size = 10_000
		}
		many := p.intN(2) == 0
		got := call(ctx, func(ctx context.Context) (err error) {
			if many {
				_, err = q.GetMany(ctx, make([][]byte, 2))
			} else {
				_, err = q.Get(ctx)
			}
			return err
		})
		join := call(ctx, q.Join)
		put := result(func() error {
			p.spin(30 * time.Microsecond)
			return base.Put(ctx, make([]byte, size))
		})
		p.spin(60 * time.Microsecond)
		require.NoError(t, closed(q))
		require.NoError(t, receive(t, put))
		deadline := time.Now().Add(promptly)
		switch err := got.end(deadline); {
		case err == nil:
			took++
		case !errors.Is(err, carom.ErrClosed):
			t.Fatalf("its handle was closed, and Get: %v", err)
		}
		// Before the item was put, there was nothing to wait for.
		if err := join.end(deadline); err != nil && !errors.Is(err, carom.ErrClosed) {
			t.Fatalf("its handle was closed, and Join: %v", err)
		}
		soon, cancel := context.WithTimeout(ctx, promptly)
		item, err := base.Get(soon)
		require.NoError(t, err, "the item is not back")
		require.Len(t, item, size)
		require.Zero(t, base.Len(), "the item is there twice")
		require.NoError(t, base.TaskDone())
		require.NoError(t, base.Join(soon))
		cancel()
	}
	t.Logf("%d of %d items had been taken", took, rounds)
	require.NoError(t, base.Close())
	require.NoError(t, p.base.Remove(t.Context(), name))
}
