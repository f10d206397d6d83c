package carom_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

type job struct {
	Count *carom.Value[int64]
	Work  *carom.Queue[string]
	Seen  *carom.Dict[string, int]
	Lock  *carom.Lock
	Total *carom.Array[uint32]
	N     int
}

var counter = carom.NewWorker("counter", func(ctx context.Context, j job) error {
	for item, err := range j.Work.All(ctx) {
		if err != nil {
			return err
		}
		carom.Add(j.Count, 1)
		carom.AddAt(j.Total, j.N, 1)
		if _, err := carom.AddKey(ctx, j.Seen, item, 1); err != nil {
			return err
		}
	}
	return nil
})

var failing *carom.Worker[string]

func init() {
	failing = carom.NewWorker("failing", func(ctx context.Context, how string) error {
		switch how {
		case "error":
			return fmt.Errorf("no luck: %w", carom.ErrFull)
		case "panic":
			panic("oh dear")
		case "wait":
			m, err := carom.FromEnv(ctx)
			if err != nil {
				return err
			}
			here, err := carom.OpenSemaphore(m, "here")
			if err != nil {
				return err
			}
			_ = here.Release() // the answer may go down with the coordinator
			<-ctx.Done()
			return context.Cause(ctx)
		case "nested":
			m, err := carom.FromEnv(ctx)
			if err != nil {
				return err
			}
			if _, err := carom.OpenLock(m, "lock"); err != nil {
				return err
			}
			g := carom.NewGroup(ctx, m)
			failing.Go(g, "error")
			return g.Wait()
		}
		return nil
	})
}

func startManager(t testing.TB) *carom.Manager {
	m, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func TestEndToEnd(t *testing.T) {
	inAllScenes(t, func(t *testing.T, _, m *carom.Manager) {
		ctx := t.Context()
		count, err := carom.NewValue[int64](m, "count")
		require.NoError(t, err)
		work, err := carom.NewQueue[string](m, "work")
		require.NoError(t, err)
		seen, err := carom.NewDict[string, int](m, "seen")
		require.NoError(t, err)
		lock, err := carom.NewLock(m, "lock")
		require.NoError(t, err)
		total, err := carom.NewArray[uint32](m, "total", 4)
		require.NoError(t, err)
		g := carom.NewGroup(ctx, m)
		for i := range 3 {
			counter.Go(g, job{count, work, seen, lock, total, i})
		}
		for i := range 1000 {
			require.NoError(t, work.Put(ctx, fmt.Sprint("item", i%10)))
		}
		require.NoError(t, work.CloseWrite())
		require.NoError(t, g.Wait())
		require.EqualValues(t, 1000, count.Load())
		all, err := seen.Snapshot(ctx)
		require.NoError(t, err)
		require.Len(t, all, 10)
		for _, n := range all {
			require.Equal(t, 100, n)
		}
		sum := uint32(0)
		for _, n := range total.All() {
			sum += n
		}
		require.EqualValues(t, 1000, sum)
		_, err = carom.NewValue[int32](m, "count")
		require.ErrorIs(t, err, carom.ErrType)
		_, err = carom.NewValue[int32](m, "seen")
		require.ErrorIs(t, err, carom.ErrType)
		_, err = carom.NewDict[string, int](m, "count")
		require.ErrorIs(t, err, carom.ErrType)
		for i, err := range m.Objects(ctx) {
			require.NoError(t, err)
			t.Log(i)
		}
		found, err := m.Check(ctx)
		require.NoError(t, err)
		require.Empty(t, found)
		t.Logf("%+v", m.Stats())
	})
}

func TestWorkerErrors(t *testing.T) {
	inAllScenes(t, func(t *testing.T, m, _ *carom.Manager) {
		carom.Must(carom.NewLock(m, "lock"))
		here := carom.Must(carom.NewSemaphore(m, "here", 0))
		p, err := failing.Start(t.Context(), m, "error")
		require.NoError(t, err)
		err = p.Wait()
		require.ErrorIs(t, err, carom.ErrFull)
		require.ErrorContains(t, err, "no luck")
		p, err = failing.Start(t.Context(), m, "panic")
		require.NoError(t, err)
		require.ErrorContains(t, p.Wait(), "oh dear")
		ctx, cancel := context.WithCancel(t.Context())
		p, err = failing.Start(ctx, m, "wait")
		require.NoError(t, err)
		require.NoError(t, here.Acquire(t.Context()))
		cancel()
		err = p.Wait()
		require.True(t, errors.Is(err, context.Canceled), err)
		p, err = failing.Start(t.Context(), m, "nested")
		require.NoError(t, err)
		require.ErrorIs(t, p.Wait(), carom.ErrFull)
	})
}

// A worker's context ends with the manager, and what the worker says of that is heard.
func TestManagerGoneForWorkers(t *testing.T) {
	inAllScenes(t, func(t *testing.T, m, other *carom.Manager) {
		here := carom.Must(carom.NewSemaphore(m, "here", 0))
		p, err := failing.Start(t.Context(), m, "wait")
		require.NoError(t, err)
		q, err := failing.Start(t.Context(), other, "wait")
		require.NoError(t, err)
		require.NoError(t, here.Acquire(t.Context()))
		require.NoError(t, here.Acquire(t.Context()))
		require.NoError(t, m.Close())
		err = p.Wait()
		require.ErrorContains(t, err, "the manager was closed")
		require.ErrorIs(t, err, carom.ErrClosed)
		require.ErrorIs(t, err, context.Canceled)
		err = q.Wait() // started by a process whose manager it is not: only the memory says that it was closed
		require.Regexp(t, "the manager was closed|the coordinator is gone", err)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestMain(m *testing.M) {
	carom.Init()
	os.Exit(m.Run())
}

func TestRefusedOptions(t *testing.T) {
	_, err := carom.Start(t.Context(), &carom.Options{InitArgs: []any{1}})
	require.ErrorIs(t, err, carom.ErrType)
	require.ErrorContains(t, err, "InitArgs")
	_, err = carom.Connect(t.Context(), "tls://127.0.0.1:1", &carom.Options{AuthKey: []byte("k")})
	require.ErrorIs(t, err, carom.ErrAuth)
	require.ErrorContains(t, err, "Options.TLS")
	_, err = carom.Start(t.Context(), &carom.Options{Addr: "tls://127.0.0.1:0"})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = carom.Connect(t.Context(), "tcp://192.0.2.1:1", &carom.Options{AuthKey: []byte("k")})
	require.ErrorIs(t, err, carom.ErrAuth)
}
