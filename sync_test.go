package carom_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// twoManagers are two attachments to one arena: two processes, as far as the arena is
// concerned.
func twoManagers(t testing.TB) (a, b *carom.Manager) {
	key := []byte("a secret")
	a, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20, AuthKey: key})
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Close() })
	b, err = carom.Connect(t.Context(), a.Addr(), &carom.Options{AuthKey: key})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return a, b
}

// until waits for a condition that another goroutine makes true.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("waited in vain until " + what)
		}
	}
}

func sound(t testing.TB, m *carom.Manager) {
	t.Helper()
	found, err := m.Check(context.Background())
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestSemaphore(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		s := carom.Must(carom.NewSemaphore(a, "s", 2))
		r := carom.Must(carom.OpenSemaphore(b, "s"))
		ctx := t.Context()
		require.NoError(t, s.Acquire(ctx))
		require.NoError(t, r.Acquire(ctx))
		require.ErrorIs(t, r.TryAcquire(), carom.ErrLocked)
		require.ErrorIs(t, r.TryAcquire(), carom.ErrWouldBlock)
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		require.ErrorIs(t, r.Acquire(short), context.DeadlineExceeded)
		require.NoError(t, s.Release(5))
		require.Equal(t, 5, r.Value())
		require.ErrorIs(t, s.Release(math.MaxInt32), carom.ErrOverRelease)
		require.NoError(t, r.Close())
		require.NoError(t, b.Close())
		require.Equal(t, 5, s.Value(), "units of a plain semaphore are signals")
		_, err := carom.NewSemaphore(a, "s", 3)
		require.ErrorIs(t, err, carom.ErrType)
		_, err = carom.NewSemaphore(a, "t", -1)
		require.ErrorIs(t, err, carom.ErrType)
		sound(t, a)
	})
}

func TestSemaphoreFirstComeFirstServed(t *testing.T) {
	for _, opts := range [][]carom.Option{nil, {carom.Permits()}} {
		a, b := twoManagers(t)
		s := carom.Must(carom.NewSemaphore(a, "s", 0, opts...))
		r := carom.Must(carom.NewSemaphore(b, "s", 0, opts...))
		const n = 100
		var order []int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range n {
			joined := make(chan struct{})
			all.Go(func() {
				h := s
				if i%2 == 1 {
					h = r
				}
				close(joined)
				if err := h.Acquire(context.Background()); err != nil {
					panic(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
			})
			<-joined
		}
		for range n {
			require.NoError(t, s.Release())
			until(t, "one has it", func() bool { mu.Lock(); defer mu.Unlock(); return len(order) > 0 })
		}
		all.Wait()
		require.Equal(t, 0, s.Value())
		slices.Sort(order)
		require.Len(t, slices.Compact(order), n)
		sound(t, a)
	}
}

func TestBoundedSemaphore(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		s := carom.Must(carom.NewBoundedSemaphore(a, "s", 3))
		r := carom.Must(carom.NewBoundedSemaphore(b, "s", 3))
		require.ErrorIs(t, s.Release(), carom.ErrOverRelease)
		for range 3 {
			require.NoError(t, r.Acquire(ctx))
		}
		require.ErrorIs(t, s.TryAcquire(), carom.ErrLocked)
		require.NoError(t, s.Release(), "another process's permit")
		require.NoError(t, s.Acquire(ctx))
		got := make(chan error, 2)
		for range 2 {
			go func() { got <- s.Acquire(context.Background()) }()
		}
		require.NoError(t, b.Close(), "its permits come back")
		require.NoError(t, <-got)
		require.NoError(t, <-got)
		require.Equal(t, 0, s.Value())
		require.NoError(t, s.Release(3))
		require.ErrorIs(t, s.Release(), carom.ErrOverRelease)
		require.Equal(t, 3, s.Value())
		sound(t, a)
	})
}

func TestSemaphoreManyWaiters(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		s := carom.Must(carom.NewBoundedSemaphore(a, "s", 2))
		r := carom.Must(carom.NewBoundedSemaphore(b, "s", 2))
		var inside, most atomic.Int32
		var all sync.WaitGroup
		for i := range 400 {
			all.Go(func() {
				h := s
				if i%2 == 1 {
					h = r
				}
				for range 20 {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*10*time.Microsecond)
					err := h.Acquire(ctx)
					cancel()
					if errors.Is(err, context.DeadlineExceeded) {
						continue
					}
					if err != nil {
						panic(err)
					}
					if n := inside.Add(1); n > 2 {
						most.Store(n)
					}
					inside.Add(-1)
					if err := h.Release(); err != nil {
						panic(err)
					}
				}
			})
		}
		all.Wait()
		require.Zero(t, most.Load())
		require.Equal(t, 2, s.Value())
		sound(t, a)
	})
}

func TestCondition(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		lock := carom.Must(carom.NewLock(a, "lock"))
		for _, l := range []*carom.Lock{nil, lock} {
			name := "own"
			if l != nil {
				name = "given"
			}
			c := carom.Must(carom.NewCondition(a, name, l))
			d := carom.Must(carom.OpenCondition(b, name))
			require.ErrorIs(t, c.Wait(ctx), carom.ErrNotLocked)
			require.ErrorIs(t, c.Notify(1), carom.ErrNotLocked)
			require.NoError(t, d.L().Lock(ctx))
			require.ErrorIs(t, c.Notify(1), carom.ErrNotOwner)
			require.NoError(t, d.L().Unlock())

			var woken, waiting atomic.Int32
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					h := c
					if i%2 == 1 {
						h = d
					}
					if err := h.L().Lock(context.Background()); err != nil {
						panic(err)
					}
					waiting.Add(1)
					if err := h.Wait(context.Background()); err != nil {
						panic(err)
					}
					woken.Add(1)
					if err := h.L().Unlock(); err != nil {
						panic(err)
					}
				})
			}
			until(t, "all wait", func() bool { return waiting.Load() == 6 })
			notify := func(n int) {
				require.NoError(t, d.L().Do(ctx, func() error { return d.Notify(n) }))
			}
			notify(1)
			until(t, "one wakes", func() bool { return woken.Load() == 1 })
			notify(2)
			until(t, "two more wake", func() bool { return woken.Load() == 3 })
			short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			require.NoError(t, c.L().Lock(ctx))
			require.ErrorIs(t, c.Wait(short), context.DeadlineExceeded)
			require.NoError(t, c.L().Unlock(), "the lock is held again")
			cancel()
			require.EqualValues(t, 3, woken.Load())
			require.NoError(t, c.L().Do(ctx, c.NotifyAll))
			all.Wait()

			var ready atomic.Bool // two managers in a process are two processes to the race detector
			go func() {
				_ = d.L().Do(context.Background(), func() error { ready.Store(true); return d.NotifyAll() })
			}()
			require.NoError(t, c.L().Lock(ctx))
			require.NoError(t, c.WaitFor(ctx, ready.Load))
			require.NoError(t, c.L().Unlock())
		}
		_, err := carom.NewCondition(a, "given", nil)
		require.ErrorIs(t, err, carom.ErrType)
		sound(t, a)
	})
}

// Do unlocks what it locked, also if a Wait inside gave that up meanwhile, and no lock that is
// another's by then.
func TestDoUnlocksItsOwn(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		l := carom.Must(carom.NewLock(a, "l"))
		r := carom.Must(carom.OpenLock(b, "l"))
		require.NoError(t, l.Do(ctx, func() error { return errors.Join(r.Unlock(), r.Lock(ctx)) }))
		require.ErrorIs(t, l.TryLock(), carom.ErrLocked)
		require.NoError(t, r.Unlock())
		for _, c := range []*carom.Condition{carom.Must(carom.NewCondition(a, "own", nil)), carom.Must(carom.NewCondition(a, "given", l))} {
			require.NoError(t, c.L().Do(ctx, func() error {
				for range 3 {
					short, cancel := context.WithTimeout(ctx, time.Millisecond)
					require.ErrorIs(t, c.Wait(short), context.DeadlineExceeded)
					cancel()
				}
				return nil
			}))
			require.NoError(t, c.L().TryLock())
			require.NoError(t, c.L().Unlock())
		}
	})
}

// What refers to an object refers to none that has its name later.
func TestReferencesAreToOneObject(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		lock := func(name string) { carom.Must(carom.NewLock(b, name)) }
		for _, c := range []struct {
			what    string
			replace func(name string) // makes another object of that name
			refer   func(name string) (check func(t *testing.T))
		}{
			{"a condition to its lock, which was removed", func(string) {}, func(name string) func(t *testing.T) {
				k := carom.Must(carom.NewCondition(a, "c"+name, carom.Must(carom.NewLock(a, name))))
				return func(t *testing.T) {
					require.NoError(t, k.L().Lock(ctx), "who has it open goes on")
					require.NoError(t, k.Notify(1))
					require.NoError(t, k.L().Unlock())
					_, err := carom.OpenCondition(b, k.Name())
					require.ErrorIs(t, err, carom.ErrNotFound)
				}
			}},
			{"a condition to its lock, whose memory another takes", func(name string) { lock(name + "'s place") }, func(name string) func(t *testing.T) {
				k := carom.Must(carom.NewCondition(a, "c"+name, carom.Must(carom.NewLock(a, name))))
				require.NoError(t, k.L().Close())
				require.NoError(t, k.Close())
				return func(t *testing.T) {
					_, err := carom.OpenCondition(b, k.Name())
					require.ErrorIs(t, err, carom.ErrNotFound)
				}
			}},
			{"a condition to its lock", lock, func(name string) func(t *testing.T) {
				k := carom.Must(carom.NewCondition(a, "c"+name, carom.Must(carom.NewLock(a, name))))
				return func(t *testing.T) {
					_, err := carom.OpenCondition(b, k.Name())
					require.ErrorIs(t, err, carom.ErrNotFound)
					_, err = carom.NewCondition(b, k.Name(), carom.Must(carom.OpenLock(b, name)))
					require.ErrorIs(t, err, carom.ErrType)
				}
			}},
			{"a lock, and a condition is made with it", lock, func(name string) func(t *testing.T) {
				lock := carom.Must(carom.NewLock(a, name))
				return func(t *testing.T) {
					k, err := carom.NewCondition(a, "c"+name, lock)
					if err != nil {
						require.ErrorIs(t, err, carom.ErrNotFound)
						return
					}
					require.NoError(t, carom.Must(carom.OpenLock(b, name)).Lock(ctx))
					require.ErrorIs(t, k.Notify(1), carom.ErrNotLocked)
				}
			}},
			{"a context to an RLock", func(name string) { carom.Must(carom.NewRLock(b, name)) }, func(name string) func(t *testing.T) {
				held := carom.Must(carom.Must(carom.NewRLock(a, name)).Lock(ctx))
				return func(t *testing.T) {
					l := carom.Must(carom.OpenRLock(a, name))
					now := carom.Must(l.Lock(ctx))
					require.ErrorIs(t, l.Unlock(held), carom.ErrNotOwner)
					_, err := l.TryLock(held)
					require.ErrorIs(t, err, carom.ErrLocked)
					require.NoError(t, l.Unlock(now))
				}
			}},
			{"the lock of a value", func(name string) { carom.Must(carom.NewValue[int64](b, name)) }, func(name string) func(t *testing.T) {
				lock := carom.Must(carom.NewValue[int64](a, name)).Lock()
				return func(t *testing.T) {
					require.NoError(t, carom.Must(carom.OpenValue[int64](b, name)).Lock().Lock(ctx))
					if err := lock.TryLock(); err != nil {
						require.ErrorIs(t, err, carom.ErrNotFound)
					}
				}
			}},
		} {
			t.Run(c.what, func(t *testing.T) {
				check := c.refer(c.what)
				require.NoError(t, a.Remove(ctx, c.what))
				c.replace(c.what)
				check(t)
			})
		}
	})
}

func TestBarrier(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		var acted atomic.Int32
		action := carom.BarrierAction(func() error { acted.Add(1); return nil })
		x := carom.Must(carom.NewBarrier(a, "b", 4, action))
		y := carom.Must(carom.NewBarrier(b, "b", 4, action))
		require.Equal(t, 4, y.Parties())
		const rounds = 200
		var mu sync.Mutex
		indexes := map[int]int{}
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				h := x
				if i%2 == 1 {
					h = y
				}
				for range rounds {
					n, err := h.Wait(context.Background())
					if err != nil {
						panic(err)
					}
					mu.Lock()
					indexes[n]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		require.EqualValues(t, rounds, acted.Load())
		require.Equal(t, map[int]int{0: rounds, 1: rounds, 2: rounds, 3: rounds}, indexes)

		wait := func(h *carom.Barrier, ctx context.Context) chan error {
			got := make(chan error, 1)
			go func() { _, err := h.Wait(ctx); got <- err }()
			return got
		}
		// A time-out breaks it for all.
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		other := wait(y, ctx)
		_, err := x.Wait(short)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, carom.ErrBroken)
		require.ErrorIs(t, <-other, carom.ErrBroken)
		require.True(t, x.Broken())
		_, err = y.Wait(ctx)
		require.ErrorIs(t, err, carom.ErrBroken)
		// Reset makes it new, and sends those who wait away.
		require.NoError(t, x.Reset())
		other = wait(y, ctx)
		until(t, "it waits", func() bool { return x.Waiting() == 1 })
		require.NoError(t, x.Reset())
		require.ErrorIs(t, <-other, carom.ErrBroken)
		require.False(t, x.Broken())
		// A cancelled one takes itself out only.
		gone, leave := context.WithCancel(ctx)
		other = wait(y, gone)
		until(t, "it waits", func() bool { return x.Waiting() == 1 })
		leave()
		require.ErrorIs(t, <-other, context.Canceled)
		require.Equal(t, 0, x.Waiting())
		require.False(t, x.Broken())
		// The death of one who waits breaks it.
		other = wait(x, ctx)
		_ = wait(y, ctx)
		until(t, "both wait", func() bool { return x.Waiting() == 2 })
		require.NoError(t, b.Close())
		require.ErrorIs(t, <-other, carom.ErrBroken)
		sound(t, a)
		// An action's error breaks it, and reaches its caller.
		oops := errors.New("oops")
		z := carom.Must(carom.NewBarrier(a, "z", 1, carom.BarrierAction(func() error { return oops })))
		_, err = z.Wait(ctx)
		require.ErrorIs(t, err, oops)
		require.True(t, z.Broken())
	})
}

// However often the barrier breaks, parties that recover together come through as many rounds
// as they want.
func TestBarrierRecover(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		const parties, rounds = 3, 30
		h := []*carom.Barrier{carom.Must(carom.NewBarrier(a, "b", parties)), carom.Must(carom.NewBarrier(b, "b", parties))}
		require.NoError(t, h[0].Recover(t.Context()), "it is not broken")
		var met, broke atomic.Int32
		var all sync.WaitGroup
		failed := make(chan error, parties)
		for i := range parties {
			all.Go(func() {
				for n := 0; n < rounds; {
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					if (i+int(broke.Load()))%3 == 0 {
						ctx, cancel = context.WithTimeout(ctx, 200*time.Microsecond)
					}
					_, err := h[i%2].Wait(ctx)
					cancel()
					switch {
					case err == nil:
						n++
						met.Add(1)
					case errors.Is(err, carom.ErrBroken):
						broke.Add(1)
						if err = h[i%2].Recover(t.Context()); err != nil {
							failed <- err
							return
						}
					case !errors.Is(err, context.DeadlineExceeded):
						failed <- err
						return
					}
				}
			})
		}
		all.Wait()
		require.Empty(t, failed)
		require.EqualValues(t, parties*rounds, met.Load())
		require.False(t, h[1].Broken())

		// It stays broken until all have come, also when one gives up meanwhile.
		require.NoError(t, h[0].Abort())
		short, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		require.ErrorIs(t, h[1].Recover(short), context.DeadlineExceeded)
		cancel()
		got := make(chan error, parties)
		for i := range parties - 1 {
			go func() { got <- h[i%2].Recover(context.Background()) }()
		}
		require.True(t, h[0].Broken())
		_, err := h[1].Wait(t.Context())
		require.ErrorIs(t, err, carom.ErrBroken)
		require.NoError(t, h[0].Recover(t.Context()))
		for range parties - 1 {
			require.NoError(t, <-got)
		}
		require.False(t, h[1].Broken())

		// Reset ends the recovery for those who wait in it.
		require.NoError(t, h[0].Abort())
		go func() { got <- h[0].Recover(context.Background()) }()
		require.NoError(t, h[1].Reset())
		require.NoError(t, <-got)
		require.False(t, h[1].Broken())
		sound(t, a)
	})
}

func TestRLock(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		l := carom.Must(carom.NewRLock(a, "l"))
		r := carom.Must(carom.OpenRLock(b, "l"))
		require.ErrorIs(t, l.Unlock(ctx), carom.ErrNotLocked)
		one, err := l.Lock(ctx)
		require.NoError(t, err)
		two, err := l.Lock(one)
		require.NoError(t, err)
		_, err = l.TryLock(ctx)
		require.ErrorIs(t, err, carom.ErrLocked, "another context is another holder")
		_, err = r.TryLock(two)
		require.ErrorIs(t, err, carom.ErrLocked)
		require.ErrorIs(t, r.Unlock(two), carom.ErrNotOwner)
		require.NoError(t, l.Unlock(two))
		_, err = r.TryLock(ctx)
		require.ErrorIs(t, err, carom.ErrLocked)
		require.NoError(t, l.Unlock(one))
		require.ErrorIs(t, l.Unlock(one), carom.ErrNotLocked)
		held, err := r.TryLock(ctx)
		require.NoError(t, err)
		short, cancel := context.WithTimeout(one, time.Millisecond)
		defer cancel()
		_, err = l.Lock(short)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_ = held
		require.NoError(t, b.Close())
		_, err = l.Lock(ctx)
		require.ErrorIs(t, err, carom.ErrOwnerDied)
		again, err := l.Recover(ctx)
		require.NoError(t, err)
		require.NoError(t, l.Do(again, func(ctx context.Context) error { return l.Unlock(ctx) }), "Do had it a second time")
		sound(t, a)
	})
}

func TestSemaphoreMostUnits(t *testing.T) {
	a, _ := twoManagers(t)
	s := carom.Must(carom.NewSemaphore(a, "s", 0))
	got := make(chan error)
	go func() { got <- s.Acquire(context.Background()) }()
	until(t, "it waits", func() bool { return a.Stats().Waits > 0 })
	require.ErrorIs(t, s.Release(math.MaxInt32, 2), carom.ErrOverRelease)
	require.NoError(t, s.Release(math.MaxInt32))
	require.NoError(t, <-got)
	require.Equal(t, math.MaxInt32-1, s.Value())
}
