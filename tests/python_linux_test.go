package tests

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// What CPython's own tests check of multiprocessing's objects, in terms of carom. Two
// attachments stand for two processes.

// soon is a deadline for what is to time out.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestPythonLock(t *testing.T) {
	a, b := pair(t)
	l := carom.Must(carom.NewLock(a, "l"))
	r := carom.Must(carom.NewLock(b, "l"))
	require.NoError(t, l.Lock(t.Context()))
	require.ErrorIs(t, l.TryLock(), carom.ErrLocked, "not re-entrant")
	require.ErrorIs(t, r.TryLock(), carom.ErrLocked)
	require.ErrorIs(t, r.Lock(soon(t)), context.DeadlineExceeded)
	require.NoError(t, r.Unlock(), "another process may release it")
	require.ErrorIs(t, l.Unlock(), carom.ErrNotLocked)
	f := l.Fence()
	require.NoError(t, r.TryLock())
	require.Greater(t, l.Fence(), f)
	oops := errors.New("oops")
	require.NoError(t, r.Unlock())
	require.ErrorIs(t, l.Do(t.Context(), func() error { return oops }), oops)
	require.NoError(t, l.TryLock(), "Do released it")
	require.NoError(t, l.Unlock())
	require.Panics(t, func() { _ = l.Do(t.Context(), func() error { panic("oops") }) })
	require.NoError(t, l.TryLock(), "also when its function panicked")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.Lock(cancelled), context.Canceled)
	k := r.Locker()
	require.NoError(t, l.Unlock())
	k.Lock()
	require.ErrorIs(t, l.TryLock(), carom.ErrLocked)
	k.Unlock()
	require.Panics(t, k.Unlock)
}

func TestPythonRLock(t *testing.T) {
	a, b := pair(t)
	l := carom.Must(carom.NewRLock(a, "l"))
	r := carom.Must(carom.NewRLock(b, "l"))
	ctx := t.Context()
	require.ErrorIs(t, l.Unlock(ctx), carom.ErrNotLocked)
	one, err := l.Lock(ctx)
	require.NoError(t, err)
	two, err := l.Lock(one)
	require.NoError(t, err)
	three, err := l.TryLock(two)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, l.Unlock(three))
		_, err = r.TryLock(ctx)
		require.ErrorIs(t, err, carom.ErrLocked, "released as often as it was acquired")
	}
	require.ErrorIs(t, l.Unlock(ctx), carom.ErrNotOwner, "a context that does not carry it")
	require.ErrorIs(t, r.Unlock(three), carom.ErrNotOwner, "another process")
	require.NoError(t, l.Unlock(three))
	require.ErrorIs(t, l.Unlock(three), carom.ErrNotLocked)
	// A context that carried it once is no key to it now.
	held, err := r.Lock(ctx)
	require.NoError(t, err)
	_, err = l.TryLock(one)
	require.ErrorIs(t, err, carom.ErrLocked)
	require.NoError(t, r.Unlock(held))
	held, err = l.Lock(one)
	require.NoError(t, err)
	require.ErrorIs(t, l.Unlock(one), carom.ErrNotOwner)
	require.NoError(t, l.Unlock(held))
}

func TestPythonSemaphore(t *testing.T) {
	a, b := pair(t)
	for _, opts := range [][]carom.Option{nil, {carom.Permits()}} {
		s := carom.Must(carom.NewSemaphore(a, "", 2, opts...))
		r := carom.Must(carom.OpenSemaphore(b, s.Name()))
		require.Equal(t, 2, r.Value())
		require.NoError(t, s.Acquire(t.Context()))
		require.Equal(t, 1, s.Value())
		require.NoError(t, r.Acquire(t.Context()))
		require.Equal(t, 0, s.Value())
		require.ErrorIs(t, s.TryAcquire(), carom.ErrLocked)
		require.ErrorIs(t, r.Acquire(soon(t)), context.DeadlineExceeded)
		for i := range 4 { // beyond what there was at first
			require.NoError(t, r.Release())
			require.Equal(t, i+1, s.Value())
		}
		require.NoError(t, s.Release(3))
		require.NoError(t, s.Release(0))
		require.Equal(t, 7, s.Value())
		require.ErrorIs(t, s.Release(-1), carom.ErrOverRelease)
		require.ErrorIs(t, s.Release(math.MaxInt32), carom.ErrOverRelease)
		require.ErrorIs(t, s.Release(math.MaxInt32-3, 3), carom.ErrOverRelease)
		require.Equal(t, 7, s.Value(), "nothing is released then")
	}
	s := carom.Must(carom.NewBoundedSemaphore(a, "bounded", 2))
	r := carom.Must(carom.NewBoundedSemaphore(b, "bounded", 2))
	require.ErrorIs(t, s.Release(), carom.ErrOverRelease)
	require.NoError(t, r.Acquire(t.Context()))
	require.ErrorIs(t, s.Release(2), carom.ErrOverRelease)
	require.NoError(t, s.Release())
	require.ErrorIs(t, r.Release(), carom.ErrOverRelease)
	require.Equal(t, 2, r.Value())
	zero := carom.Must(carom.NewBoundedSemaphore(a, "zero", 0))
	require.ErrorIs(t, zero.TryAcquire(), carom.ErrLocked)
	require.ErrorIs(t, zero.Release(), carom.ErrOverRelease)
	checked(t, a)
}

// sleepers waits on a condition with so many goroutines, of both processes by turns.
type sleepers struct {
	conds  [2]*carom.Condition
	woken  atomic.Int32
	failed atomic.Int32
	all    sync.WaitGroup
}

func (s *sleepers) add(t testing.TB, n int, ctx context.Context) {
	for i := range n {
		c := s.conds[i%2]
		joined := make(chan struct{})
		s.all.Go(func() {
			if c.L().Lock(context.Background()) != nil {
				panic("lock")
			}
			close(joined)
			err := c.Wait(ctx)
			if err == nil {
				s.woken.Add(1)
			} else {
				s.failed.Add(1)
			}
			if c.L().Unlock() != nil {
				panic("unlock")
			}
		})
		<-joined
		require.NoError(t, s.conds[0].L().Lock(within(t))) // when this is had, it waits
		require.NoError(t, s.conds[0].L().Unlock())
	}
}

func (s *sleepers) notify(t testing.TB, n int) {
	require.NoError(t, s.conds[1].L().Do(t.Context(), func() error {
		if n < 0 {
			return s.conds[1].NotifyAll()
		}
		return s.conds[1].Notify(n)
	}))
}

// settled returns how many have woken once so many have, and the list has been gone
// through again since: more would have been woken before.
func (s *sleepers) settled(t testing.TB, want int32) {
	t.Helper()
	eventually(t, "they wake", func() bool { return s.woken.Load() >= want })
	require.NoError(t, s.conds[0].L().Do(t.Context(), func() error { return nil }))
	require.Equal(t, want, s.woken.Load())
}

func TestPythonCondition(t *testing.T) {
	a, b := pair(t)
	c := carom.Must(carom.NewCondition(a, "c", nil))
	d := carom.Must(carom.NewCondition(b, "c", nil))
	ctx := t.Context()
	for _, f := range []func() error{func() error { return c.Wait(ctx) }, func() error { return c.Notify(1) }, c.NotifyAll,
		func() error { return c.WaitFor(ctx, func() bool { return true }) }} {
		require.ErrorIs(t, f(), carom.ErrNotLocked)
		require.NoError(t, d.L().Lock(ctx))
		require.ErrorIs(t, f(), carom.ErrNotOwner)
		require.NoError(t, d.L().Unlock())
	}
	// Notifications that nobody waits for are not kept.
	require.NoError(t, c.L().Lock(ctx))
	require.NoError(t, c.Notify(3))
	require.NoError(t, c.NotifyAll())
	require.ErrorIs(t, c.Wait(soon(t)), context.DeadlineExceeded)
	require.ErrorIs(t, d.L().TryLock(), carom.ErrLocked, "it is held again")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, c.Wait(cancelled), context.Canceled)
	require.NoError(t, c.L().Unlock())

	s := &sleepers{conds: [2]*carom.Condition{c, d}}
	s.add(t, 6, context.Background())
	s.settled(t, 0)
	s.notify(t, 0)
	s.settled(t, 0)
	s.notify(t, 1)
	s.settled(t, 1)
	s.notify(t, 2)
	s.settled(t, 3)
	s.notify(t, -1)
	s.settled(t, 6)
	s.all.Wait()
	// Those who gave up are not counted among the n.
	gone, leave := context.WithCancel(ctx)
	s.woken.Store(0)
	s.add(t, 3, gone)
	s.add(t, 3, context.Background())
	leave()
	eventually(t, "they leave", func() bool { return s.failed.Load() == 3 })
	s.notify(t, 2)
	s.settled(t, 2)
	s.notify(t, 10)
	s.settled(t, 3)
	s.all.Wait()

	// wait_for.
	state := carom.Must(carom.NewValue[int64](a, "state"))
	other := carom.Must(carom.OpenValue[int64](b, "state"))
	require.NoError(t, c.L().Lock(ctx))
	require.NoError(t, c.WaitFor(ctx, func() bool { return true }))
	calls := 0
	require.ErrorIs(t, c.WaitFor(soon(t), func() bool { calls++; return false }), context.DeadlineExceeded)
	require.Equal(t, 1, calls, "asked at first, and when notified")
	got := result(func() error {
		for range 4 {
			if err := d.L().Do(context.Background(), func() error { carom.Add(other, 1); return d.Notify(1) }); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, c.WaitFor(within(t), func() bool { return state.Load() == 4 }))
	require.NoError(t, c.L().Unlock())
	require.NoError(t, receive(t, got))
	checked(t, a)
}

func TestPythonEvent(t *testing.T) {
	a, b := pair(t)
	e := carom.Must(carom.NewEvent(a, "e"))
	f := carom.Must(carom.NewEvent(b, "e"))
	require.False(t, f.IsSet())
	require.ErrorIs(t, e.Wait(soon(t)), context.DeadlineExceeded)
	require.NoError(t, f.Set())
	require.NoError(t, f.Set())
	require.True(t, e.IsSet())
	require.NoError(t, e.Wait(t.Context()))
	require.NoError(t, e.Wait(t.Context()), "it stays set")
	require.NoError(t, e.Clear())
	require.NoError(t, e.Clear())
	require.ErrorIs(t, f.Wait(soon(t)), context.DeadlineExceeded)
	// Set wakes all, also if it is cleared before they run.
	for range 200 {
		var got []<-chan error
		for i := range 8 {
			h := e
			if i%2 == 1 {
				h = f
			}
			began := make(chan struct{})
			got = append(got, result(func() error {
				close(began)
				return h.Wait(context.Background())
			}))
			<-began
		}
		flashed := make(chan struct{})
		go func() { // whoever comes after a flash is for the next
			defer close(flashed)
			for range 3 {
				_ = e.Set()
				_ = e.Clear()
			}
			_ = f.Set()
		}()
		<-flashed
		for _, g := range got {
			require.NoError(t, receive(t, g))
		}
		require.NoError(t, f.Clear())
	}
}

func TestPythonBarrier(t *testing.T) {
	const n = 5
	// round has all parties wait once and returns their indexes and errors.
	type arrival struct {
		index int
		err   error
	}
	round := func(t testing.TB, b []*carom.Barrier, ctx context.Context, count int) (indexes []int, failures []error) {
		got := make(chan arrival, count)
		for i := range count {
			go func() {
				k, err := b[i%2].Wait(ctx)
				got <- arrival{k, err}
			}()
		}
		for range count {
			x := receive(t, got)
			if x.err != nil {
				failures = append(failures, x.err)
			} else {
				indexes = append(indexes, x.index)
			}
		}
		slices.Sort(indexes)
		return indexes, failures
	}
	setup := func(t testing.TB, opts ...carom.Option) []*carom.Barrier {
		m, k := pair(t)
		return []*carom.Barrier{carom.Must(carom.NewBarrier(m, "b", n, opts...)), carom.Must(carom.NewBarrier(k, "b", n, opts...))}
	}
	arrive := func(t testing.TB, b []*carom.Barrier, count int) (got []<-chan error) {
		for i := range count {
			got = append(got, result(func() error { _, err := b[i%2].Wait(context.Background()); return err }))
		}
		eventually(t, "they have arrived", func() bool { return b[0].Waiting() == count })
		return got
	}
	all := func(t testing.TB, got []<-chan error, want error) {
		for _, g := range got {
			require.ErrorIs(t, receive(t, g), want)
		}
	}
	t.Run("indexes", func(t *testing.T) {
		b := setup(t)
		for range 50 {
			indexes, failures := round(t, b, t.Context(), n)
			require.Empty(t, failures)
			require.Equal(t, []int{0, 1, 2, 3, 4}, indexes, "each once, one 0")
			require.Zero(t, b[0].Waiting())
			require.False(t, b[1].Broken())
			require.Equal(t, n, b[1].Parties())
		}
	})
	t.Run("action", func(t *testing.T) {
		var acted atomic.Int32
		b := setup(t, carom.BarrierAction(func() error { acted.Add(1); return nil }))
		for i := range 20 {
			round(t, b, t.Context(), n)
			require.EqualValues(t, i+1, acted.Load())
		}
	})
	t.Run("action fails", func(t *testing.T) {
		oops := errors.New("oops")
		b := setup(t, carom.BarrierAction(func() error { return oops }))
		_, failures := round(t, b, t.Context(), n)
		require.Len(t, failures, n)
		own := 0
		for _, err := range failures {
			if errors.Is(err, oops) {
				own++
			} else {
				require.ErrorIs(t, err, carom.ErrBroken)
			}
		}
		require.Equal(t, 1, own)
		require.True(t, b[0].Broken())
		require.NoError(t, b[1].Reset())
		require.False(t, b[0].Broken())
	})
	t.Run("action panics", func(t *testing.T) {
		m, _ := pair(t)
		b := carom.Must(carom.NewBarrier(m, "b", 1, carom.BarrierAction(func() error { panic("oops") })))
		require.Panics(t, func() { _, _ = b.Wait(t.Context()) })
		require.True(t, b.Broken())
	})
	t.Run("abort", func(t *testing.T) {
		b := setup(t)
		got := arrive(t, b, n-1)
		require.NoError(t, b[1].Abort())
		all(t, got, carom.ErrBroken)
		require.True(t, b[0].Broken())
		_, err := b[0].Wait(t.Context())
		require.ErrorIs(t, err, carom.ErrBroken, "at once, until reset")
		require.Zero(t, b[0].Waiting())
	})
	t.Run("reset", func(t *testing.T) {
		b := setup(t)
		got := arrive(t, b, n-1)
		require.NoError(t, b[1].Reset())
		all(t, got, carom.ErrBroken)
		require.False(t, b[0].Broken())
		indexes, failures := round(t, b, t.Context(), n)
		require.Empty(t, failures)
		require.Len(t, indexes, n)
	})
	t.Run("abort and reset", func(t *testing.T) {
		b := setup(t)
		all(t, append(arrive(t, b, n-1), result(b[0].Abort))[:n-1], carom.ErrBroken)
		require.NoError(t, b[1].Reset())
		_, failures := round(t, b, t.Context(), n)
		require.Empty(t, failures)
	})
	t.Run("timeout", func(t *testing.T) {
		b := setup(t)
		got := arrive(t, b, n-2)
		_, err := b[0].Wait(soon(t))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, carom.ErrBroken)
		all(t, got, carom.ErrBroken)
		require.True(t, b[1].Broken())
	})
	t.Run("default timeout", func(t *testing.T) {
		b := setup(t, carom.BarrierTimeout(20*time.Millisecond))
		_, failures := round(t, b, context.Background(), n-1)
		require.Len(t, failures, n-1)
		for _, err := range failures {
			require.ErrorIs(t, err, carom.ErrBroken)
		}
		require.True(t, b[0].Broken())
	})
	t.Run("one party", func(t *testing.T) {
		m, _ := pair(t)
		b := carom.Must(carom.NewBarrier(m, "b", 1))
		for range 3 {
			i, err := b.Wait(t.Context())
			require.NoError(t, err)
			require.Zero(t, i)
		}
		_, err := carom.NewBarrier(m, "none", 0)
		require.ErrorIs(t, err, carom.ErrType)
	})
	t.Run("reset during the action", func(t *testing.T) {
		inside, leave := make(chan struct{}), make(chan struct{})
		var acts atomic.Int32
		m, k := pair(t)
		b := carom.Must(carom.NewBarrier(m, "b", 2, carom.BarrierAction(func() error {
			if acts.Add(1) == 1 {
				close(inside)
				<-leave
			}
			return nil
		})))
		c := carom.Must(carom.OpenBarrier(k, "b"))
		first := []<-chan error{result(func() error { _, err := c.Wait(context.Background()); return err })}
		eventually(t, "one waits", func() bool { return b.Waiting() == 1 })
		first = append(first, result(func() error { _, err := b.Wait(context.Background()); return err }))
		<-inside
		require.Zero(t, c.Waiting(), "it is not filling")
		require.NoError(t, c.Reset())
		require.ErrorIs(t, receive(t, first[0]), carom.ErrBroken)
		next := result(func() error { _, err := c.Wait(context.Background()); return err })
		eventually(t, "one waits", func() bool { return b.Waiting() == 1 })
		close(leave)
		require.ErrorIs(t, receive(t, first[1]), carom.ErrBroken)
		silent(t, next)
		_, err := b.Wait(within(t))
		require.NoError(t, err)
		require.NoError(t, receive(t, next))
	})
	t.Run("another action after a reset", func(t *testing.T) {
		inside, leave := make(chan int, 2), []chan struct{}{make(chan struct{}), make(chan struct{})}
		var acts atomic.Int32
		m, k := pair(t)
		b := carom.Must(carom.NewBarrier(m, "b", 2, carom.BarrierAction(func() error {
			i := int(acts.Add(1)) - 1
			inside <- i
			<-leave[i]
			return nil
		})))
		c := carom.Must(carom.OpenBarrier(k, "b"))
		wait := func(h *carom.Barrier) <-chan error {
			return result(func() error { _, err := h.Wait(context.Background()); return err })
		}
		one := wait(c)
		eventually(t, "one waits", func() bool { return b.Waiting() == 1 })
		two := wait(b)
		require.Equal(t, 0, <-inside)
		require.NoError(t, c.Reset())
		require.ErrorIs(t, receive(t, one), carom.ErrBroken)
		three := wait(c)
		eventually(t, "one waits", func() bool { return b.Waiting() == 1 })
		four := wait(b)
		require.Equal(t, 1, <-inside)
		close(leave[0]) // the first action ends while the second runs
		require.ErrorIs(t, receive(t, two), carom.ErrBroken)
		silent(t, three)
		close(leave[1])
		require.NoError(t, receive(t, three))
		require.NoError(t, receive(t, four))
	})
}
