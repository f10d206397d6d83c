//go:build !carom_sched

package shm

import (
	"context"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

func init() {
	helpers["hold the arena"] = func(a *Arena) {
		if err := a.lock(context.Background()); err != nil {
			panic(err)
		}
		ready()
	}
	helpers["hold a list"] = func(a *Arena) {
		if err := UnitsOf(permits(a, "s")).w.enter(context.Background()); err != nil {
			panic(err)
		}
		ready()
	}
	helpers["sweep a list"] = func(a *Arena) {
		o, _, err := a.Find(context.Background(), "s")
		if err != nil {
			panic(err)
		}
		atom.Store32(&a.record(a.self.Slot()).sweeping, o.Index+1)
		ready()
	}
	helpers["hold permits"] = func(a *Arena) {
		for _, name := range []string{"s", "t"} {
			if err := UnitsOf(permits(a, name)).Acquire(context.Background(), true); err != nil {
				panic(err)
			}
		}
		ready()
	}
	helpers["hold a queue"] = func(a *Arena) {
		h, _, err := a.Open(context.Background(), QueueSpec(Queue, "q", "bytes", 0, true))
		if err == nil {
			err = ItemsOf(h).lockHead(context.Background())
		}
		if err != nil {
			panic(err)
		}
		ready()
	}
}

// stopped starts a helper and stops it.
func stopped(t *testing.T, a *Arena, name string) *exec.Cmd {
	c, said := start(t, a, name)
	require.Equal(t, "ready", said)
	require.NoError(t, c.Process.Signal(syscall.SIGSTOP))
	return c
}

// soon is a context for what must give up.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// Nobody waits for a process that is stopped longer than its context lets it; what could
// not be done is done later.
func TestHolderOfTheArenaIsStopped(t *testing.T) {
	a := newArena(t, 8*mib)
	b := attachAgain(t, a)
	counted := opened(t, a, QueueSpec(Queue, "q", "bytes", 0, false))
	reader := opened(t, a, QueueSpec(Queue, "q", "bytes", 0, false))
	writer := opened(t, a, QueueSpec(Queue, "full", "bytes", 0, false))
	held := opened(t, b, lockSpec("held"))
	_, err := LockOf(held.Object).Lock(t.Context(), b.domain, futex.Report)
	require.NoError(t, err)
	mine := opened(t, a, lockSpec("held"))
	guest := newGuest(t, a)
	opened(t, guest, lockSpec("held"))
	require.NoError(t, a.Remove(t.Context(), "q"))
	used := a.Stats().Used

	c := stopped(t, a, "hold the arena")
	got := make(chan error, 2)
	go waitIn(writer, got, func(h *Handle) error {
		return ItemsOf(h).Put(context.Background(), nil, make([]byte, 10_000), true)
	})
	eventually(t, "it waits for memory", func() bool { return waiting() == 1 })
	require.NoError(t, writer.Close(soon(t)))
	require.ErrorIs(t, <-got, errs.ErrClosed)
	require.NoError(t, counted.Close(soon(t)))
	go waitIn(reader, got, func(h *Handle) error {
		_, err := ItemsOf(h).Get(context.Background(), true, func([]byte) {}, nil)
		return err
	})
	eventually(t, "it waits for an item", func() bool { return waiting() == 1 })
	require.NoError(t, reader.Close(soon(t)))
	require.ErrorIs(t, <-got, errs.ErrClosed)
	require.Equal(t, used, a.Stats().Used)

	go func() { _, _, err := a.Open(t.Context(), lockSpec("late")); got <- err }()
	late := context.DeadlineExceeded
	require.ErrorIs(t, a.Remove(soon(t), "held"), late, "behind a call that waits")
	_, _, err = a.Find(soon(t), "held")
	require.ErrorIs(t, err, late)
	_, err = a.openLockAt(soon(t), 0, 1)
	require.ErrorIs(t, err, late)
	require.ErrorIs(t, a.List(soon(t), func(Info) bool { return true }), late)
	_, err = a.Check(soon(t), false)
	require.ErrorIs(t, err, late)
	require.ErrorIs(t, a.Flush(soon(t)), late)

	// Who cannot sweep itself looks like the dead.
	id, guestID := b.self, guest.self
	require.NoError(t, guest.Close(soon(t)))
	require.NoError(t, b.Close(soon(t)))
	require.False(t, a.Alive(id))
	require.False(t, a.Alive(guestID))
	_, err = LockOf(mine.Object).Lock(t.Context(), a.domain, futex.Report)
	require.ErrorIs(t, err, errs.ErrOwnerDied)

	require.NoError(t, c.Process.Kill())
	require.NoError(t, <-got)
	eventually(t, "the dead are swept", func() bool { return a.Stats().Processes == 1 })
	eventually(t, "what was closed is detached", func() bool { return a.Stats().Used < used })
	require.Empty(t, a.guests.by)
	sound(t, a, false)
}

// permits opens a semaphore of three.
func permits(a *Arena, name string) *Handle {
	h, _, err := a.Open(context.Background(), SemaphoreSpec(BoundedSemaphore, name, 3, SemaphorePermits|SemaphoreBounded))
	if err != nil {
		panic(err)
	}
	return h
}

// One who was stopped in the middle of a sweep keeps the memory of what it is at work on, and
// nothing else.
func TestSweeperIsStopped(t *testing.T) {
	a := newArena(t, 8*mib)
	s, u := UnitsOf(permits(a, "s")), UnitsOf(permits(a, "t"))
	c := stopped(t, a, "sweep a list")
	dead, said := start(t, a, "hold permits")
	require.Equal(t, "ready", said)
	require.Equal(t, []int{2, 2}, []int{s.Value(), u.Value()})
	require.NoError(t, dead.Process.Kill())
	eventually(t, "the dead is swept", func() bool { return a.Stats().Processes == 2 })
	require.Equal(t, []int{3, 3}, []int{s.Value(), u.Value()})
	index := s.o.Index
	for _, h := range []*Handle{s.w.u, u.w.u} {
		require.NoError(t, a.Remove(t.Context(), h.Name))
		require.NoError(t, h.Close(t.Context()))
	}
	require.NoError(t, a.Flush(t.Context()))
	require.True(t, a.entry(index).isInUse())
	require.Equal(t, 1, a.attachedTo(index))
	sound(t, a, false)
	require.NoError(t, c.Process.Kill())
	eventually(t, "the sweeper is swept", func() bool { return a.Stats().Processes == 1 })
	require.Zero(t, a.Stats().Used)
	sound(t, a, true)
}

// What was left to one who sweeps goes when it has done.
func TestSweeperGoesOn(t *testing.T) {
	a := newArena(t, 8*mib)
	b := attachAgain(t, a)
	s := permits(a, "s")
	sweeping := &b.record(b.self.Slot()).sweeping
	atom.Store32(sweeping, s.Index+1)
	require.NoError(t, a.Remove(t.Context(), "s"))
	require.NoError(t, s.Close(t.Context()))
	require.NoError(t, a.Flush(t.Context()))
	require.Equal(t, 1, a.attachedTo(s.Index))
	atom.Store32(sweeping, 0)
	w := &sweeper{a: b, d: b.sentry, moment: b.sentry}
	w.letGo(s.Index)
	require.Zero(t, a.Stats().Used)
	sound(t, a, true)
}

// An object whose lock is in the hands of one that is stopped keeps nothing else from being
// taken back.
func TestHolderOfAListIsStopped(t *testing.T) {
	a := newArena(t, 8*mib)
	s, u := UnitsOf(permits(a, "s")), UnitsOf(permits(a, "t"))
	dead, said := start(t, a, "hold permits")
	require.Equal(t, "ready", said)
	other, said := start(t, a, "hold permits")
	require.Equal(t, "ready", said)
	c := stopped(t, a, "hold a list")
	require.NoError(t, dead.Process.Kill())
	eventually(t, "a permit is back", func() bool { return u.Value() == 2 })
	require.NoError(t, other.Process.Kill())
	eventually(t, "permits are back", func() bool { return u.Value() == 3 })
	require.Equal(t, 1, s.Value())
	require.NoError(t, c.Process.Kill())
	eventually(t, "the dead are swept", func() bool { return a.Stats().Processes == 1 })
	require.Equal(t, 3, s.Value())
	sound(t, a, false)
}

// A queue's lock is in the hands of one that is stopped, and what was taken is to be given
// back to it.
func TestHolderOfAQueueIsStopped(t *testing.T) {
	a := newArena(t, 8*mib)
	b := attachAgain(t, a)
	spec := QueueSpec(Queue, "q", "bytes", 0, true)
	h, theirs := opened(t, a, spec), opened(t, b, spec)
	q := ItemsOf(h)
	require.NoError(t, q.Put(t.Context(), nil, []byte("a"), true))
	require.NoError(t, q.Put(t.Context(), nil, []byte("b"), true))
	claim, err := q.Get(t.Context(), true, func([]byte) {}, nil)
	require.NoError(t, err)
	_, err = ItemsOf(theirs).Get(t.Context(), true, func([]byte) {}, nil)
	require.NoError(t, err)
	given := make(chan error, 1)
	h.Bind(nil, func() { given <- q.Return(context.Background(), claim) })

	c := stopped(t, a, "hold a queue")
	got := make(chan error, 1)
	go waitIn(h, got, func(h *Handle) error {
		_, err := ItemsOf(h).Get(context.Background(), true, func([]byte) {}, nil)
		return err
	})
	eventually(t, "it waits for the lock", func() bool { return waiting() == 1 })
	keeper := opened(t, a, spec)
	require.NoError(t, keeper.Close(soon(t)))
	closed := make(chan error)
	go func() { closed <- h.Close(soon(t)) }()
	require.ErrorIs(t, <-got, errs.ErrClosed)
	require.NoError(t, <-closed)
	require.NoError(t, b.Close(soon(t)))
	require.Empty(t, given)
	require.NoError(t, c.Process.Kill())
	require.NoError(t, <-given)
	eventually(t, "the dead are swept", func() bool { return a.Stats().Processes == 1 })
	again := ItemsOf(opened(t, a, spec))
	require.Equal(t, 2, again.Len())
	sound(t, a, false)
}
