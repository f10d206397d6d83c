//go:build !carom_sched

package shm

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
)

// Calls come and go on all sides, inside each other too, while the handle is closed: the
// last that leaves gives it back, once, and none comes in after that.
func TestHandleCountsCalls(t *testing.T) {
	a := newArena(t, 4*mib)
	for round := range 100 {
		h := opened(t, a, BarrierSpec("b", 2))
		var inside, over atomic.Int32
		h.Bind(nil, func() {
			over.Add(1)
			if n := inside.Load(); n != 0 {
				t.Errorf("%d calls are inside", n)
			}
		})
		var all sync.WaitGroup
		var begun sync.WaitGroup
		begun.Add(4)
		for i := range 4 {
			all.Go(func() {
				for n := 0; ; n++ {
					if n == 10 {
						begun.Done()
					}
					if !h.Enter() {
						if n < 10 {
							begun.Done()
						}
						return
					}
					inside.Add(1)
					if over.Load() != 0 {
						t.Error("inside after the last")
					}
					if i == 0 && h.Enter() {
						h.Leave()
					}
					inside.Add(-1)
					h.Leave()
					if n%32 == 0 {
						runtime.Gosched() // there may be fewer processors
					}
				}
			})
		}
		begun.Wait()
		require.NoError(t, h.Close(t.Context()))
		require.False(t, h.Enter())
		require.ErrorIs(t, h.Close(t.Context()), errs.ErrClosed)
		all.Wait()
		require.EqualValues(t, 1, over.Load(), "round %d", round)
		require.NotContains(t, a.objects, h.Index)
	}
	sound(t, a, true)
}

// A call that is inside for long holds nobody up, and keeps the memory until it leaves. It
// may close its own handle.
func TestCloseInsideACall(t *testing.T) {
	a := newArena(t, 4*mib)
	used := a.Stats().Used
	h := opened(t, a, QueueSpec(Queue, "q", "bytes", 0, false))
	require.True(t, h.Enter())
	require.True(t, h.Enter())
	require.NoError(t, h.Close(context.Background()))
	_, err := h.Again()
	require.ErrorIs(t, err, errs.ErrClosed)
	require.NoError(t, a.Remove(t.Context(), "q"))
	h.Leave()
	require.NotEqual(t, used, a.Stats().Used)
	h.Leave()
	require.Equal(t, used, a.Stats().Used)
	sound(t, a, true)
}

// waitKinds are waits through a handle, by what they wait for. Each is begun in a counted call.
var waitKinds = []struct {
	name string
	spec Spec
	wait func(h *Handle) error
}{
	{"lock", lockSpec("x"), func(h *Handle) error {
		_, err := LockOf(h.Object).Lock(context.Background(), h.Domain(), futex.Report)
		return err
	}},
	{"event", Spec{Name: "x", Kind: Event, Payload: EventPayload}, func(h *Handle) error {
		return EventOf(h.Object).Wait(context.Background(), h.Domain())
	}},
	{"semaphore", SemaphoreSpec(Semaphore, "x", 0, 0), func(h *Handle) error {
		return UnitsOf(h).Acquire(context.Background(), true)
	}},
	{"permits", SemaphoreSpec(BoundedSemaphore, "x", 0, SemaphorePermits|SemaphoreBounded), func(h *Handle) error {
		return UnitsOf(h).Acquire(context.Background(), true)
	}},
	{"condition", ConditionSpec("x", nil), func(h *Handle) error {
		w, err := WaitersOf(h).Add(context.Background())
		if err == nil {
			err = w.Wait(context.Background())
		}
		return err
	}},
	{"barrier", BarrierSpec("x", 20), func(h *Handle) error {
		_, err := RendezvousOf(h).Wait(context.Background(), nil)
		return err
	}},
	{"get", QueueSpec(Queue, "x", "bytes", 0, false), func(h *Handle) error {
		_, err := ItemsOf(h).Get(context.Background(), true, func([]byte) {}, nil)
		return err
	}},
	{"get to confirm", QueueSpec(Queue, "x", "bytes", 0, true), func(h *Handle) error {
		_, err := ItemsOf(h).Get(context.Background(), true, func([]byte) {}, nil)
		return err
	}},
	{"join", QueueSpec(Queue, "x", "bytes", 0, true), func(h *Handle) error {
		q := ItemsOf(h)
		if err := q.Put(context.Background(), nil, []byte("x"), true); err != nil {
			return err
		}
		return q.Join(context.Background())
	}},
	{"receive", QueueSpec(ByteQueue, "x", "", 0, false), func(h *Handle) error {
		_, _, err := ItemsOf(h).Receive(context.Background(), true)
		return err
	}},
	{"put", QueueSpec(Queue, "x", "bytes", 1, false), func(h *Handle) error {
		for {
			if err := ItemsOf(h).Put(context.Background(), nil, []byte("x"), true); err != nil {
				return err
			}
		}
	}},
	{"put a large one", QueueSpec(Queue, "x", "bytes", 1, false), func(h *Handle) error {
		for {
			if err := ItemsOf(h).Put(context.Background(), nil, make([]byte, 20_000), true); err != nil {
				return err
			}
		}
	}},
}

// waitIn makes a counted call.
func waitIn(h *Handle, got chan<- error, wait func(*Handle) error) {
	if !h.Enter() {
		got <- io.ErrUnexpectedEOF
		return
	}
	err := wait(h)
	h.Leave()
	got <- err
}

// waiting counts the goroutines that wait in waitIn.
func waiting() (n int) {
	stacks := make([]byte, 1<<20)
	for g := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(g, "shm.waitIn(") && (strings.Contains(g, "(*gates).enter(") || strings.Contains(g, "(*sleeper).sleep(")) {
			n++
		}
	}
	return n
}

// A handle is closed while calls wait in it, its object is removed and the memory used for
// others: the waits end, and nothing is written there. Waits of other handles, of this
// process and of its guest, go on.
func TestCloseWhileWaiting(t *testing.T) {
	for _, k := range waitKinds {
		t.Run(k.name, func(t *testing.T) {
			a := newArena(t, 8*mib)
			used := a.Stats().Used
			if k.name == "lock" {
				locker := opened(t, a, k.spec)
				_, err := LockOf(locker.Object).Lock(t.Context(), a.domain, futex.Report)
				require.NoError(t, err)
				require.NoError(t, locker.Close(t.Context()))
			}
			const waiters = 3
			before := 0
			wait := func(a *Arena) (*Handle, chan error) {
				h, got := opened(t, a, k.spec), make(chan error, waiters)
				for range waiters {
					go waitIn(h, got, k.wait)
				}
				before += waiters
				eventually(t, "all wait", func() bool { return waiting() == before })
				return h, got
			}
			all := func(got chan error) {
				t.Helper()
				for range waiters {
					require.ErrorIs(t, <-got, errs.ErrClosed)
				}
			}
			h, got := wait(a)
			other, others := wait(a)
			guest, guests := wait(newGuest(t, a))
			require.NoError(t, h.Close(t.Context()))
			all(got)
			require.Empty(t, others)
			require.Empty(t, guests)
			sound(t, a, false)
			require.NoError(t, a.Remove(t.Context(), "x"))
			require.NoError(t, guest.Close(t.Context()))
			all(guests)
			require.Empty(t, others)
			require.NoError(t, other.Close(t.Context()))
			all(others)
			eventually(t, "the last has left", func() bool {
				require.NoError(t, a.Flush(t.Context()))
				return a.Stats().Used == used
			})
			// Whatever comes now has the memory for itself.
			for i := range 200 {
				b := opened(t, a, Spec{Name: fmt.Sprint(i), Kind: Array, Payload: ArrayPayload(8, 64)})
				words := Elements[uint64](b.Object, 64)
				for _, w := range words {
					require.Zero(t, w)
				}
			}
			sound(t, a, true)
		})
	}
}

// What a wait is given while its handle is closed is its own, or somebody else's.
func TestCloseLosesNothing(t *testing.T) {
	a := newArena(t, 8*mib)
	for range 200 {
		h, other := opened(t, a, SemaphoreSpec(Semaphore, "s", 0, 0)), opened(t, a, SemaphoreSpec(Semaphore, "s", 0, 0))
		got := make(chan error, 2)
		for range 2 {
			go waitIn(h, got, func(h *Handle) error { return UnitsOf(h).Acquire(context.Background(), true) })
		}
		eventually(t, "both wait", func() bool { return waiting() == 2 })
		released := make(chan error)
		go func() { released <- UnitsOf(other).Release(1) }()
		require.NoError(t, h.Close(t.Context()))
		require.NoError(t, <-released)
		left := 1
		for range 2 {
			if err := <-got; err == nil {
				left--
			} else {
				require.ErrorIs(t, err, errs.ErrClosed)
			}
		}
		require.Equal(t, left, UnitsOf(other).Value())
		require.NoError(t, other.Close(t.Context()))
		require.NoError(t, a.Remove(t.Context(), "s"))
	}
}

// The arena is closed while calls are inside: they find their handle closed, and nothing is
// done for it that the arena's sweep does.
func TestArenaClosesAroundCalls(t *testing.T) {
	a := newArena(t, 4*mib)
	b := attachAgain(t, a)
	h := opened(t, b, QueueSpec(Queue, "q", "bytes", 0, false))
	lost := 0
	h.Bind(func() { lost++ }, func() { t.Error("the last call's work is the sweep's") })
	require.True(t, h.Enter())
	got := make(chan error, 1)
	go waitIn(h, got, func(h *Handle) error {
		_, err := ItemsOf(h).Get(context.Background(), true, func([]byte) {}, nil)
		return err
	})
	eventually(t, "it waits", func() bool { return waiting() == 1 })
	require.NoError(t, b.Close(t.Context()))
	require.ErrorIs(t, <-got, errs.ErrClosed)
	require.True(t, h.Closed())
	require.Equal(t, 1, lost)
	require.ErrorIs(t, h.Close(t.Context()), errs.ErrClosed)
	h.Leave()
	_, _, err := b.Open(t.Context(), lockSpec("l"))
	require.ErrorIs(t, err, errs.ErrClosed)
	require.ErrorIs(t, b.Flush(t.Context()), errs.ErrClosed)
	late := &Handle{Object: h.Object}
	require.True(t, late.shut())
	late.Bind(func() { lost++ }, nil)
	require.Equal(t, 2, lost, "one that is bound late")
	sound(t, a, false)
}
