package shm

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
)

// Of many goroutines that wait for one word, one sleeps and the others queue behind it:
// Close ends all their waits, and none of them believes to have the lock.
func TestCloseEndsAllWaits(t *testing.T) {
	a := newArena(t, 4*mib)
	b, err := Attach(a.File())
	require.NoError(t, err)
	spec := Spec{Name: "lock", Kind: Lock, Payload: LockPayload}
	o, _, err := a.Open(t.Context(), spec)
	require.NoError(t, err)
	_, err = LockOf(o.Object).Lock(t.Context(), a.domain, futex.Report)
	require.NoError(t, err)
	p, _, err := b.Open(t.Context(), spec)
	require.NoError(t, err)
	e, _, err := b.Open(t.Context(), Spec{Name: "event", Kind: Event, Payload: EventPayload})
	require.NoError(t, err)
	EventOf(e.Object).Set(b.domain)
	EventOf(e.Object).Clear()
	q, err := openQueue(b, t.Context(), QueueSpec(Queue, "q", "bytes", 0, false))
	require.NoError(t, err)

	const each = 100
	got := make(chan error, 3*each)
	for range each {
		go func() { _, err := LockOf(p.Object).Lock(context.Background(), b.domain, futex.Report); got <- err }()
		go func() { got <- EventOf(e.Object).Wait(context.Background(), b.domain) }()
		go func() { got <- q.h.notEmpty.Wait(context.Background(), b.domain, q.ready) }()
	}
	stacks := make([]byte, 4<<20)
	for queued := 0; queued < 3*each-3; {
		queued = strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "(*gates).enter(")
	}
	require.NoError(t, b.Close(context.Background()))
	for range 3 * each {
		if err := <-got; !errors.Is(err, errs.ErrClosed) {
			t.Fatalf("a wait ended with %v", err)
		}
	}
}

// Permits are the process's: they outlive the handle by which they were acquired, and come
// back with the process's end.
func TestPermitsOutliveTheHandle(t *testing.T) {
	a := newArena(t, 4*mib)
	b, err := Attach(a.File())
	require.NoError(t, err)
	spec := SemaphoreSpec(BoundedSemaphore, "s", 3, SemaphorePermits|SemaphoreBounded)
	here, _, err := a.Open(t.Context(), spec)
	require.NoError(t, err)
	there, _, err := b.Open(t.Context(), spec)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, UnitsOf(there).Acquire(t.Context(), true))
	}
	require.NoError(t, there.Close(context.Background()))
	require.ErrorIs(t, there.Close(context.Background()), errs.ErrClosed)
	require.Equal(t, 1, UnitsOf(here).Value())
	again, _, err := b.Open(t.Context(), spec)
	require.NoError(t, err)
	require.NoError(t, UnitsOf(again).Release(1))
	require.NoError(t, again.Close(context.Background()))
	require.Equal(t, 2, UnitsOf(here).Value())
	require.NoError(t, b.Close(context.Background()))
	require.Equal(t, 3, UnitsOf(here).Value())
}
