package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func init() {
	programs["serve"] = func(ctx context.Context) error {
		return carom.Serve(ctx, carom.ServeConfig{Listen: []string{os.Getenv("CAROM_ADDR")}, Memory: 64 << 20,
			Ready: func(addrs []string) { fmt.Println(addrs[0]) }}, time.Second)
	}
	programs["guest"] = func(ctx context.Context) error {
		m, err := carom.FromEnv(ctx)
		if err != nil {
			return err
		}
		q, err := carom.NewQueue[string](m, "visitors")
		if err != nil {
			return err
		}
		n, err := carom.NewValue[int](m, "count")
		if err != nil {
			return err
		}
		if err := q.Put(ctx, "a guest"); err != nil {
			return err
		}
		fmt.Println(carom.Add(n, 1))
		<-ctx.Done()
		return nil
	}
}

// TestProgramsMeet: programs that know each other by the address only share a coordinator
// that was started on its own.
func TestProgramsMeet(t *testing.T) {
	addr := "unix://" + filepath.Join(t.TempDir(), "socket")
	env := []string{"CAROM_ADDR=" + addr, "CAROM_AUTHKEY=a secret"}
	server, said := program(t, "serve", env...)
	require.Equal(t, addr, said)
	_, first := program(t, "guest", env...)
	require.Equal(t, "1", first)
	second, said := program(t, "guest", env...)
	require.Equal(t, "2", said)

	_, err := carom.Connect(t.Context(), addr, &carom.Options{AuthKey: []byte("another")})
	require.ErrorIs(t, err, carom.ErrAuth)
	m, err := carom.Connect(t.Context(), addr, &carom.Options{AuthKey: []byte("a secret")})
	require.NoError(t, err)
	defer m.Close()
	q, err := carom.OpenQueue[string](m, "visitors")
	require.NoError(t, err)
	for range 2 {
		item, err := q.Get(within(t))
		require.NoError(t, err)
		require.Equal(t, "a guest", item)
	}
	require.NoError(t, second.Process.Kill())
	_ = second.Wait()
	alone(t, m, 3)
	checked(t, m)
	require.NoError(t, server.Process.Kill())
	if remote {
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // it might come back
		defer cancel()
		require.ErrorIs(t, q.Put(short, "nobody"), carom.ErrUnavailable)
		return
	}
	// What is in memory goes on.
	require.NoError(t, q.Put(t.Context(), "still"))
	require.Equal(t, 1, q.Len())
}

type cohort struct {
	Arrived *carom.Value[int64]
	Go      *carom.Event
	Lock    *carom.Lock
	Sum     *carom.Array[int64]
	Depth   int
}

var member = carom.NewWorker("member", func(ctx context.Context, c cohort) error {
	carom.Add(c.Arrived, 1)
	if err := c.Go.Wait(ctx); err != nil {
		return err
	}
	for range 100 {
		if err := c.Lock.Do(ctx, func() error { c.Sum.Store(0, c.Sum.Load(0)+1); return nil }); err != nil {
			return err
		}
		carom.AddAt(c.Sum, 1, 1)
	}
	return nil
})

func newCohort(t testing.TB, m *carom.Manager) cohort {
	return cohort{Arrived: carom.Must(carom.NewValue[int64](m, "arrived")), Go: carom.Must(carom.NewEvent(m, "go")),
		Lock: carom.Must(carom.NewLock(m, "lock")), Sum: carom.Must(carom.NewArray[int64](m, "sum", 2))}
}

// TestSixtyFourProcesses are attached at once, and all at work on one lock.
func TestSixtyFourProcesses(t *testing.T) {
	const n = 64
	m := manager(t)
	c := newCohort(t, m)
	begin := time.Now()
	g := carom.NewGroup(t.Context(), m)
	var all sync.WaitGroup
	for range n {
		all.Go(func() { member.Go(g, c) })
	}
	all.Wait()
	eventually(t, "all are there", func() bool { return c.Arrived.Load() == n })
	t.Logf("%d processes after %v", n, time.Since(begin))
	require.Equal(t, n+2, m.Stats().Processes)
	require.NoError(t, c.Go.Set())
	require.NoError(t, g.Wait())
	require.EqualValues(t, 100*n, c.Sum.Load(0))
	require.EqualValues(t, 100*n, c.Sum.Load(1))
	alone(t, m, 2)
	checked(t, m)
	t.Logf("done after %v", time.Since(begin))
}

var nested *carom.Worker[cohort]

func init() {
	nested = carom.NewWorker("nested", func(ctx context.Context, c cohort) error {
		carom.Add(c.Arrived, 1)
		if c.Depth == 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		m, err := carom.FromEnv(ctx)
		if err != nil {
			return err
		}
		c.Depth--
		g := carom.NewGroup(ctx, m)
		nested.Go(g, c)
		nested.Go(g, c)
		return g.Wait()
	})
}

// TestWorkersOfWorkers: a worker starts workers, which see their context end when it is
// killed.
func TestWorkersOfWorkers(t *testing.T) {
	m := manager(t)
	c := newCohort(t, m)
	c.Depth = 2
	p, err := nested.Start(t.Context(), m, c)
	require.NoError(t, err)
	eventually(t, "all are there", func() bool { return c.Arrived.Load() == 7 })
	require.Equal(t, 9, m.Stats().Processes)
	begin := time.Now()
	require.NoError(t, p.Signal(syscall.SIGKILL))
	require.Error(t, p.Wait())
	alone(t, m, 2)
	t.Logf("three generations were gone after %v", time.Since(begin))
	checked(t, m)
}

type bundle struct {
	Value *carom.Value[int]
	Queue *carom.Queue[bundle]
	Lock  *carom.Lock
	Event *carom.Event
	Array *carom.Array[uint16]
	Bytes *carom.ByteQueue
	Dict  *carom.Dict[string, bundle]
	List  *carom.List[bundle]
	Space *carom.Namespace
}

var unpack = carom.NewWorker("unpack", func(ctx context.Context, p bundle) error {
	use := func(p bundle) error {
		carom.Add(p.Value, 1)
		carom.AddAt(p.Array, 0, 1)
		return p.Lock.Do(ctx, func() error { return nil })
	}
	if err := use(p); err != nil {
		return err
	}
	item, err := p.Queue.Get(ctx)
	if err == nil {
		err = use(item)
	}
	if err != nil {
		return fmt.Errorf("from a queue: %w", err)
	}
	entry, ok, err := item.Dict.Get(ctx, "k")
	if err == nil && !ok {
		err = errors.New("no such key")
	}
	if err == nil {
		err = use(entry)
	}
	if err != nil {
		return fmt.Errorf("from a dict: %w", err)
	}
	if item, err = entry.List.Get(ctx, 0); err == nil {
		err = use(item)
	}
	if err != nil {
		return fmt.Errorf("from a list: %w", err)
	}
	b, err := item.Bytes.Receive(ctx)
	if err != nil {
		return err
	}
	if string(b) != "bytes" {
		return fmt.Errorf("received %q", b)
	}
	return errors.Join(item.Bytes.Release(b), item.Event.Set())
})

// TestHandlesTravel in a worker's arguments, a queue's items, a dict's values and a
// list's.
func TestHandlesTravel(t *testing.T) {
	m := manager(t)
	ctx := within(t)
	p := bundle{Value: carom.Must(carom.NewValue[int](m, "")), Queue: carom.Must(carom.NewQueue[bundle](m, "")),
		Lock: carom.Must(carom.NewLock(m, "")), Event: carom.Must(carom.NewEvent(m, "")),
		Array: carom.Must(carom.NewArray[uint16](m, "", 1)), Bytes: carom.Must(carom.NewByteQueue(m, "")),
		Dict: carom.Must(carom.NewDict[string, bundle](m, "")), List: carom.Must(carom.NewList[bundle](m, "")),
		Space: carom.Must(carom.NewNamespace(m, ""))}
	require.NoError(t, p.Queue.Put(ctx, p))
	require.NoError(t, p.Dict.Set(ctx, "k", p))
	require.NoError(t, p.List.Append(ctx, p))
	buf, err := p.Bytes.Reserve(ctx, 5)
	require.NoError(t, err)
	copy(buf, "bytes")
	require.NoError(t, p.Bytes.Commit(buf))
	w, err := unpack.Start(ctx, m, p)
	require.NoError(t, err)
	require.NoError(t, w.Wait())
	require.Equal(t, 4, p.Value.Load())
	require.EqualValues(t, 4, p.Array.Load(0))
	require.True(t, p.Event.IsSet())
	alone(t, m, 2)
	checked(t, m)
}
