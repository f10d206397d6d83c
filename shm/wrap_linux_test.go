//go:build !carom_sched

package shm

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

// TestCountersWrapAround has every counter that may come to its end come there, with
// somebody waiting.
func TestCountersWrapAround(t *testing.T) {
	a := newArena(t, 4*mib)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for slot := uint32(1); slot < 4; slot++ { // the next to take these are the last of their generation
		if s := a.slot(slot + 1); identState(s.ident) == slotFree {
			atom.Store32(&s.ident, ident(slotFree, futex.GenMask-1))
		}
	}
	event, _, err := a.Open(ctx, Spec{Name: "event", Kind: Event, Payload: EventPayload})
	require.NoError(t, err)
	atom.Store32(at[uint32](a, event.Off), ^uint32(0)&^3) // counted to the last, not set
	lock, _, err := a.Open(ctx, Spec{Name: "lock", Kind: Lock, Payload: LockPayload})
	require.NoError(t, err)
	atom.Store64(at[uint64](a, lock.Off+8), ^uint64(0)-5) // the fence
	q, err := openQueue(a, ctx, QueueSpec(Queue, "queue", "", 1, false))
	require.NoError(t, err)
	// The notifiers, which stand behind the cap, the flags and what fills up their line.
	const notifiers = queuePad + 48
	for i := range uint64(3) {
		atom.Store32(at[uint32](a, q.o.Off+notifiers+4*i), ^uint32(0)-2)
	}
	sem, _, err := a.Open(ctx, SemaphoreSpec(BoundedSemaphore, "semaphore", 1, SemaphorePermits|SemaphoreBounded))
	require.NoError(t, err)
	semaphoreWaiters(a, sem.Ref, a.domain).tickets = ^uint64(0) - 50

	for range 6 { // over the end of generations
		b := attachAgain(t, a)
		var all sync.WaitGroup
		e, _, err := b.Open(ctx, Spec{Name: "event", Kind: Event, Payload: EventPayload})
		require.NoError(t, err)
		k, _, err := b.Open(ctx, Spec{Name: "lock", Kind: Lock, Payload: LockPayload})
		require.NoError(t, err)
		s, _, err := b.Open(ctx, SemaphoreSpec(BoundedSemaphore, "semaphore", 1, SemaphorePermits|SemaphoreBounded))
		require.NoError(t, err)
		r, err := openQueue(b, ctx, QueueSpec(Queue, "queue", "", 1, false))
		require.NoError(t, err)
		all.Go(func() {
			if EventOf(e.Object).Wait(ctx, b.domain) != nil {
				t.Error("event")
			}
			for range 50 {
				if _, err := r.Get(ctx, true, func([]byte) {}, func([]byte) {}); err != nil {
					t.Error("queue", err)
				}
			}
		})
		work := func(a *Arena, l, s *Handle) {
			for range 20 {
				if _, err := LockOf(l.Object).Lock(ctx, a.domain, futex.Report); err != nil {
					t.Error("lock", err)
				} else if LockOf(l.Object).Unlock(a.domain) != nil {
					t.Error("unlock")
				}
				if err := UnitsOf(s).Acquire(ctx, true); err != nil {
					t.Error("acquire", err)
				} else if err := UnitsOf(s).Release(1); err != nil {
					t.Error("release", err)
				}
			}
		}
		all.Go(func() { work(b, k, s) })
		work(a, lock, sem)
		EventOf(event.Object).Set(a.domain)
		for range 50 {
			require.NoError(t, q.Put(ctx, nil, []byte("x"), true))
		}
		all.Wait()
		EventOf(event.Object).Clear()
		require.NoError(t, b.Close(context.Background()))
		sound(t, a, true)
	}
	require.Equal(t, 1, UnitsOf(sem).Value())
}
