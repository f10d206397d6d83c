package futex

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// world is memory that several Domains share, each playing a process whose death
// the test decides.
type world struct {
	_     uint64     // offset 0 is nobody's
	words [64]uint32 // the objects under test
	park  [Buckets]uint32
	recs  [8][2 * MaxDirect]uint64
	alive [8]uint32 // 1 lives
}

func (w *world) Liveness(id ID) (*uint32, uint32, bool) {
	p := &w.alive[id.Slot()]
	return p, 1, atomic.LoadUint32(p) == 1
}

func (w *world) join(t testing.TB, slot uint32) *Domain {
	atomic.StoreUint32(&w.alive[slot], 1)
	d := NewDomain(Config{Self: MakeID(slot, 1), Peers: w, Base: (*byte)(unsafe.Pointer(w)),
		Waits: w.recs[slot][:MaxDirect], Wakes: w.recs[slot][MaxDirect:], Parking: w.park[:]})
	t.Cleanup(func() {
		if !d.Closed() {
			d.Close()
		}
	})
	return d
}

// kill does what the kernel does: it marks the word and wakes one.
func (w *world) kill(slot uint32) {
	atomic.StoreUint32(&w.alive[slot], 0)
	wake(&w.alive[slot], 1)
}

func (w *world) mutex() *Mutex       { return (*Mutex)(unsafe.Pointer(&w.words[0])) }
func (w *world) event() *Event       { return (*Event)(unsafe.Pointer(&w.words[8])) }
func (w *world) notifier() *Notifier { return (*Notifier)(unsafe.Pointer(&w.words[16])) }

// sleeping waits until n goroutines of d sleep in the kernel or with the hub.
func sleeping(d *Domain, n uint64) {
	for first := d.slept.Load(); d.slept.Load() < first+n && d.slept.Load() < n; {
		runtime.Gosched()
	}
}

func each(t *testing.T, f func(t *testing.T)) {
	t.Run("waitv", f)
	t.Run("bitset", func(t *testing.T) {
		waitvMissing.Store(true)
		defer waitvMissing.Store(false)
		f(t)
	})
}

func TestMutexExcludes(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		m := w.mutex()
		var n int
		var all sync.WaitGroup
		for slot := uint32(1); slot <= 4; slot++ {
			d := w.join(t, slot)
			for range 8 {
				all.Go(func() {
					for range 2000 {
						if _, err := m.Lock(t.Context(), d, Report); err != nil {
							panic(err)
						}
						n++
						if err := m.Unlock(d); err != nil {
							panic(err)
						}
					}
				})
			}
		}
		all.Wait()
		require.Equal(t, 4*8*2000, n)
		require.EqualValues(t, n, m.Fence())
		require.Zero(t, m.word&idMask)
	})
}

func TestMutexUnlockOfFree(t *testing.T) {
	w := new(world)
	require.ErrorIs(t, w.mutex().Unlock(w.join(t, 1)), errs.ErrNotLocked)
}

func TestMutexOwnerDies(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		m := w.mutex()
		a := w.join(t, 1)
		waits := []*Domain{w.join(t, 2), w.join(t, 3)}
		_, err := m.Lock(t.Context(), a, Report)
		require.NoError(t, err)
		got := make(chan error, 20)
		for _, d := range waits {
			for range 10 {
				go func() { _, err := m.Lock(t.Context(), d, Report); got <- err }()
			}
			sleeping(d, 1)
		}
		w.kill(1)
		if waitvMissing.Load() { // there the sweep does it
			m.Release(waits[0], a.Self())
		}
		for range 20 {
			require.ErrorIs(t, <-got, errs.ErrOwnerDied)
		}
		_, err = m.TryLock(waits[0], Report)
		require.ErrorIs(t, err, errs.ErrOwnerDied)
		recovered, err := m.Lock(t.Context(), waits[0], TakeOver)
		require.NoError(t, err)
		require.True(t, recovered)
		_, err = m.TryLock(waits[1], Report)
		require.ErrorIs(t, err, errs.ErrLocked)
		require.NoError(t, m.Unlock(waits[1]), "another process may unlock")
		recovered, err = m.TryLock(waits[1], Report)
		require.NoError(t, err)
		require.False(t, recovered)
	})
}

func TestMutexCancel(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		m := w.mutex()
		a, b := w.join(t, 1), w.join(t, 2)
		_, err := m.Lock(t.Context(), a, Report)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 200)
		for range 200 {
			go func() { _, err := m.Lock(ctx, b, Report); got <- err }()
		}
		sleeping(b, 1)
		cancel()
		for range 200 {
			require.ErrorIs(t, <-got, context.Canceled)
		}
		require.NoError(t, m.Unlock(a))
		_, err = m.TryLock(b, Report)
		require.NoError(t, err)
	})
}

func TestMutexHandoffBreaksStarvation(t *testing.T) {
	w := new(world)
	m := w.mutex()
	greedy, poor := w.join(t, 1), w.join(t, 2)
	_, err := m.Lock(t.Context(), greedy, Report)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := m.Lock(context.Background(), poor, Report)
		if err != nil {
			panic(err)
		}
	}()
	sleeping(poor, 1)
	// greedy gives the lock back and takes it at once, for as long as it can get it.
	for held := true; held; {
		require.NoError(t, m.Unlock(greedy))
		_, err := m.TryLock(greedy, Report)
		held = err == nil
	}
	<-done
	owner, _ := m.Holder()
	require.Equal(t, poor.Self(), owner)
}

func TestEvent(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		e := w.event()
		*(*uint32)(unsafe.Pointer(e)) = 0xfffffff8 // the counter is about to wrap
		a, b := w.join(t, 1), w.join(t, 2)
		for range 5 {
			var all sync.WaitGroup
			for _, d := range []*Domain{a, b} {
				for range 50 {
					all.Go(func() {
						if err := e.Wait(context.Background(), d); err != nil {
							panic(err)
						}
					})
				}
			}
			sleeping(a, 1)
			e.Set(a)
			all.Wait()
			require.True(t, e.IsSet())
			require.NoError(t, e.Wait(t.Context(), b))
			e.Clear()
			require.False(t, e.IsSet())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, e.Wait(ctx, a), context.DeadlineExceeded)
	})
}

func TestNotifierLosesNothing(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		n := w.notifier()
		var items atomic.Int64
		take := func() bool {
			for {
				v := items.Load()
				if v == 0 {
					return false
				}
				if items.CompareAndSwap(v, v-1) {
					return true
				}
			}
		}
		const each = 3000
		var all sync.WaitGroup
		for slot := uint32(1); slot <= 3; slot++ {
			d := w.join(t, slot)
			all.Go(func() {
				for range each {
					got := false
					if err := n.Wait(context.Background(), d, func() bool { got = got || take(); return got }); err != nil {
						panic(err)
					}
					if items.Load() > 0 {
						n.Notify(d)
					}
				}
			})
		}
		producer := w.join(t, 4)
		for i := range 3 * each {
			items.Add(1)
			n.Notify(producer)
			if i%64 == 0 {
				runtime.Gosched()
			}
		}
		all.Wait()
		require.Zero(t, items.Load())
	})
}

func TestManyWordsFewThreads(t *testing.T) {
	each(t, func(t *testing.T) {
		const words, per = 2000, 5
		type big struct {
			world
			mutexes [words]Mutex
		}
		w := new(big)
		a := w.join(t, 1)
		b := NewDomain(Config{Self: MakeID(2, 1), Peers: &w.world, Base: (*byte)(unsafe.Pointer(w)),
			Waits: w.recs[2][:MaxDirect], Wakes: w.recs[2][MaxDirect:], Parking: w.park[:]})
		defer b.Close()
		atomic.StoreUint32(&w.alive[2], 1)
		for i := range w.mutexes {
			_, err := w.mutexes[i].Lock(t.Context(), a, Report)
			require.NoError(t, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, words*per)
		for i := range w.mutexes {
			for range per {
				go func() {
					_, err := w.mutexes[i].Lock(ctx, b, Report)
					if err == nil {
						err = w.mutexes[i].Unlock(b)
					}
					got <- err
				}()
			}
		}
		sleeping(b, words)
		for i := range words / 2 {
			require.NoError(t, w.mutexes[i].Unlock(a))
		}
		for range words / 2 * per {
			require.NoError(t, <-got)
		}
		cancel()
		for range words / 2 * per {
			require.ErrorIs(t, <-got, context.Canceled)
		}
	})
}

func TestCloseEndsWaits(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		a, b := w.join(t, 1), w.join(t, 2)
		_, err := w.mutex().Lock(t.Context(), a, Report)
		require.NoError(t, err)
		got := make(chan error, 100)
		for range 50 {
			go func() { _, err := w.mutex().Lock(context.Background(), b, Report); got <- err }()
			go func() { got <- w.event().Wait(context.Background(), b) }()
		}
		sleeping(b, 2)
		b.Close()
		for range 100 {
			require.ErrorIs(t, <-got, errs.ErrClosed)
		}
	})
}

func BenchmarkMutex(b *testing.B) {
	w := new(world)
	d := w.join(b, 1)
	m := w.mutex()
	ctx := context.Background()
	for b.Loop() {
		_, _ = m.Lock(ctx, d, Report)
		_ = m.Unlock(d)
	}
}

func BenchmarkSyncMutex(b *testing.B) {
	var m sync.Mutex
	for b.Loop() {
		m.Lock()
		m.Unlock()
	}
}
