package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carom-ipc/carom"
)

type million struct {
	Opened *carom.Value[int64]
	Go     *carom.Event
	N      int
}

func valueName(i int) string { return "value " + strconv.Itoa(i) }

var opener = carom.NewWorker("opener", func(ctx context.Context, w million) error {
	m, err := carom.FromEnv(ctx)
	if err != nil {
		return err
	}
	list := make([]*carom.Value[int64], 0, w.N)
	for i := range w.N {
		v, err := carom.OpenValue[int64](m, valueName(i))
		if err != nil {
			return err
		}
		if got := v.Load(); got != int64(i) {
			return fmt.Errorf("value %d is %d", i, got)
		}
		list = append(list, v)
	}
	w.Opened.Store(int64(w.N))
	if err := w.Go.Wait(ctx); err != nil {
		return err
	}
	for _, v := range list[:w.N/2] {
		if err := v.Close(); err != nil {
			return err
		}
	}
	w.Opened.Store(0)
	<-ctx.Done() // the others go with the process
	return nil
})

// TestMillionValues are created, opened by a second process and removed: the memory comes
// back, half by Close and half by the death of who has it.
func TestMillionValues(t *testing.T) {
	n := amount(t, "values", 1_000_000, 100_000)
	if remote {
		n = min(n, 50_000)
	}
	m := small(t, 512<<20)
	w := million{carom.Must(carom.NewValue[int64](m, "opened")), carom.Must(carom.NewEvent(m, "go")), n}
	before := m.Stats()
	begin := time.Now()
	list := make([]*carom.Value[int64], 0, n)
	for i := range n {
		v, err := carom.NewValue[int64](m, valueName(i), carom.Initial(int64(i)))
		require.NoError(t, err)
		list = append(list, v)
	}
	t.Logf("created after %v", time.Since(begin))
	full := m.Stats()
	require.Equal(t, before.Objects+n, full.Objects)
	require.LessOrEqual(t, (full.Used-before.Used)/int64(n), int64(128))
	p, err := opener.Start(t.Context(), m, w)
	require.NoError(t, err)
	eventually(t, "the other has them open", func() bool { return w.Opened.Load() == int64(n) })
	t.Logf("opened by another after %v", time.Since(begin))
	for i, v := range list {
		require.NoError(t, m.Remove(t.Context(), valueName(i)))
		require.NoError(t, v.Close())
	}
	list = nil
	require.Equal(t, before.Objects, m.Stats().Objects)
	require.Equal(t, full.Used, m.Stats().Used, "somebody has them open still")
	require.NoError(t, w.Go.Set())
	eventually(t, "half of them are closed", func() bool { return w.Opened.Load() == 0 })
	t.Logf("removed, and half of them closed, after %v", time.Since(begin))
	require.NoError(t, p.Kill())
	_ = p.Wait()
	alone(t, m, 2)
	settled(t, m, before.Used)
	require.Less(t, m.Stats().Committed, before.Committed+(32<<20), "free memory that is kept has a limit")
	t.Logf("all back after %v: %+v", time.Since(begin), m.Stats())
	checked(t, m)
}

// threads is how many the process has.
func threads(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		if n, ok := strings.CutPrefix(line, "Threads:"); ok {
			k, err := strconv.Atoi(strings.TrimSpace(n))
			require.NoError(t, err)
			return k
		}
	}
	return 0
}

// TestHundredThousandWait: goroutines that wait for locks, an event and queues cost no
// threads, and all end with their context.
func TestHundredThousandWait(t *testing.T) {
	locks, queues, n := amount(t, "locks", 20_000, 5_000), 100, amount(t, "goroutines", 100_000, 25_000)
	if raced {
		locks, n = 1000, 5000
	}
	m := small(t, 64<<20)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	event := carom.Must(carom.NewEvent(m, "event"))
	var all sync.WaitGroup
	wrong := make(chan error, n)
	wait := func(f func(ctx context.Context) error) {
		all.Go(func() {
			if err := f(ctx); !errors.Is(err, context.Canceled) {
				wrong <- fmt.Errorf("a wait ended with %w", err)
			}
		})
	}
	held := make([]*carom.Lock, locks)
	for i := range held {
		held[i] = carom.Must(carom.NewLock(m, "lock "+strconv.Itoa(i)))
		require.NoError(t, held[i].Lock(t.Context()))
	}
	qs := make([]*carom.Queue[int], queues)
	for i := range qs {
		qs[i] = carom.Must(carom.NewQueue[int](m, "queue "+strconv.Itoa(i)))
	}
	base := runtime.NumGoroutine()
	begin := time.Now()
	for i := range n {
		switch {
		case i%10 == 0:
			wait(event.Wait)
		case i%10 == 1:
			wait(func(ctx context.Context) error { _, err := qs[i%queues].Get(ctx); return err })
		default:
			wait(held[i%locks].Lock)
		}
	}
	// All have begun when those that sleep and those that queue are that many; the count
	// of sleeps grows until then.
	last, since := m.Stats().Waits, time.Now()
	eventually(t, "everybody waits", func() bool {
		if now := m.Stats().Waits; now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond
	})
	most := threads(t)
	t.Logf("%d goroutines, %d threads after %v", runtime.NumGoroutine()-base, most, time.Since(begin))
	require.GreaterOrEqual(t, runtime.NumGoroutine()-base, n)
	require.Less(t, most, 200)
	begin = time.Now()
	cancel()
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	receive(t, done)
	t.Logf("all cancelled after %v", time.Since(begin))
	require.Empty(t, wrong)
	for _, l := range held {
		require.NoError(t, l.Unlock())
	}
	require.NoError(t, held[7].Do(t.Context(), func() error { return nil }))
	checked(t, m)
}

func descriptors(t testing.TB) (fds, maps int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	b, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return len(list), strings.Count(string(b), "memfd:carom")
}

// TestNothingStays: no descriptor, no mapping, no goroutine and no process is left of
// managers that came and went.
func TestNothingStays(t *testing.T) {
	cycle := func() {
		m, err := carom.Start(t.Context(), &carom.Options{Memory: 16 << 20})
		require.NoError(t, err)
		v := carom.Must(carom.NewValue[int](m, "value"))
		carom.Add(v, 1)
		l := carom.Must(carom.NewLock(m, "lock"))
		require.NoError(t, l.Lock(t.Context()))
		q := carom.Must(carom.NewQueue[string](m, "queue"))
		got := result(func() error { _, err := q.Get(context.Background()); return err })
		waits := m.Stats().Waits
		d := carom.Must(carom.NewDict[string, int](m, "dict"))
		require.NoError(t, d.Set(t.Context(), "k", 1))
		eventually(t, "it waits", func() bool { return m.Stats().Waits > waits || m.Stats().Waits > 0 })
		require.NoError(t, m.Close())
		require.ErrorIs(t, receive(t, got), carom.ErrClosed)
	}
	cycle()
	leaks := goleak.IgnoreCurrent()
	fds, maps := descriptors(t)
	for range 20 {
		cycle()
	}
	goleak.VerifyNone(t, leaks)
	fdsNow, mapsNow := descriptors(t)
	require.LessOrEqual(t, fdsNow, fds)
	require.LessOrEqual(t, mapsNow, maps)
}
