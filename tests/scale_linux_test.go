package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// TestMillionKeys: a dict of a million keys is filled, iterated over while another process
// changes it, and emptied.
func TestMillionKeys(t *testing.T) {
	keys := amount(t, "keys", 1_000_000, 100_000)
	ctx := context.Background()
	m := small(t, 64<<20)
	d := carom.Must(carom.NewDict[int, int](m, "many"))
	begin := time.Now()
	batch := map[int]int{}
	for i := range keys {
		if batch[i] = -i; len(batch) == 10_000 || i == keys-1 {
			require.NoError(t, d.Update(ctx, batch))
			clear(batch)
		}
	}
	n, err := d.Len(ctx)
	require.NoError(t, err)
	require.Equal(t, keys, n)
	t.Logf("filled after %v", time.Since(begin))

	p, err := scribbler.Start(t.Context(), m, scribble{d, keys})
	require.NoError(t, err)
	seen := make([]bool, keys)
	met, added := 0, 0
	for e, err := range d.All(ctx) {
		require.NoError(t, err)
		switch {
		case e.Key >= keys:
			added++
		case seen[e.Key]:
			t.Fatalf("key %d comes twice", e.Key)
		default:
			seen[e.Key] = true
			met++
		}
	}
	require.Equal(t, keys, met, "what is there all along is met")
	require.Zero(t, added, "what is inserted after the beginning is not")
	require.NoError(t, p.Wait())
	t.Logf("iterated over after %v", time.Since(begin))

	snapshot, err := d.Snapshot(ctx)
	require.NoError(t, err)
	require.Len(t, snapshot, keys)
	t.Logf("copied after %v", time.Since(begin))
	require.NoError(t, d.Clear(ctx))
	n, err = d.Len(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
}

type scribble struct {
	D    *carom.Dict[int, int]
	Keys int
}

// scribbler overwrites keys, and inserts and deletes others.
var scribbler = carom.NewWorker("scribbler", func(ctx context.Context, w scribble) error {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		k := rnd.IntN(w.Keys)
		if err := w.D.Set(ctx, k, k); err != nil {
			return err
		}
		if err := w.D.Set(ctx, w.Keys+i, i); err != nil {
			return err
		}
		if err := w.D.Delete(ctx, w.Keys+i); err != nil {
			return err
		}
	}
	return nil
})

// TestLargeValues: values of 16 MiB go in and come out while small calls go on beside.
func TestLargeValues(t *testing.T) {
	ctx := within(t)
	m := small(t, 64<<20)
	d := carom.Must(carom.NewDict[string, []byte](m, "large"))
	small := carom.Must(carom.NewDict[string, int](m, "small"))
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := carom.AddKey(ctx, small, "n", 1); err != nil {
				done <- err
				return
			}
		}
	}()
	want := make([][]byte, 3)
	for i := range want {
		want[i] = bytes.Repeat([]byte{byte(i), 1, 2, 3}, 4<<20)
		require.NoError(t, d.Set(ctx, fmt.Sprint(i), want[i]))
	}
	for i := range want {
		got, ok, err := d.Get(ctx, fmt.Sprint(i))
		require.NoError(t, err)
		require.True(t, ok)
		require.True(t, bytes.Equal(want[i], got))
	}
	close(stop)
	require.NoError(t, <-done)
	err := d.Set(ctx, "beyond", make([]byte, 65<<20))
	require.ErrorIs(t, err, carom.ErrTooLarge)
	_, ok, err := d.Get(ctx, "beyond")
	require.NoError(t, err)
	require.False(t, ok)
}

// TestTenThousandObjects of all sorts are made, listed and removed through a client that
// does not map the arena.
func TestTenThousandObjects(t *testing.T) {
	ctx := context.Background()
	key := []byte("a secret")
	m := carom.Must(carom.Start(ctx, &carom.Options{Memory: 128 << 20, AuthKey: key}))
	defer m.Close()
	r, err := carom.Connect(ctx, m.Addr(), &carom.Options{AuthKey: key, Remote: true})
	require.NoError(t, err)
	defer r.Close()
	const n = 10_000
	makers := []func(name string) error{
		func(name string) error { _, err := carom.NewDict[string, int](r, name); return err },
		func(name string) error { _, err := carom.NewList[string](r, name); return err },
		func(name string) error { _, err := carom.NewValue[int64](r, name); return err },
		func(name string) error { _, err := carom.NewLock(r, name); return err },
		func(name string) error { _, err := carom.NewQueue[string](r, name); return err },
	}
	names := map[string]bool{}
	for i := range n {
		name := fmt.Sprintf("object %d", i)
		names[name] = true
		require.NoError(t, makers[i%len(makers)](name))
	}
	met := 0
	for i, err := range r.Objects(ctx) {
		require.NoError(t, err)
		if names[i.Name] {
			met++
		}
	}
	require.Equal(t, n, met)
	for name := range names {
		require.NoError(t, r.Remove(ctx, name))
	}
	for i, err := range m.Objects(ctx) {
		require.NoError(t, err)
		require.False(t, names[i.Name], i.Name)
	}
	require.NoError(t, r.Close())
	eventually(t, "the session has let go", func() bool { return m.Stats().Processes <= 2 })
	checked(t, m)
}

// TestFiveHundredClients share a dict, a lock and a value; all in one process, as clients
// of other machines.
func TestFiveHundredClients(t *testing.T) {
	const clients = 500
	ctx := within(t)
	key := []byte("a secret")
	m := carom.Must(carom.Start(ctx, &carom.Options{Memory: 64 << 20, AuthKey: key}))
	defer m.Close()
	total := carom.Must(carom.NewValue[int64](m, "total"))
	carom.Must(carom.NewDict[string, int](m, "d"))
	carom.Must(carom.NewLock(m, "lock"))
	errc := make(chan error, clients)
	var ready sync.WaitGroup
	ready.Add(clients)
	for range clients {
		go func() {
			r, err := carom.Connect(ctx, m.Addr(), &carom.Options{AuthKey: key, Remote: true})
			ready.Done()
			if err != nil {
				errc <- err
				return
			}
			ready.Wait() // all at once
			errc <- errors.Join(client(ctx, r), r.Close())
		}()
	}
	for range clients {
		require.NoError(t, <-errc)
	}
	require.EqualValues(t, clients, total.Load())
	n, _, err := carom.Must(carom.OpenDict[string, int](m, "d")).Get(ctx, "n")
	require.NoError(t, err)
	require.Equal(t, clients*10, n)
	eventually(t, "their sessions are over", func() bool { s := m.Stats(); return s.Processes <= 2 && s.Sessions == 1 })
	checked(t, m)
}

func client(ctx context.Context, r *carom.Manager) error {
	d, err := carom.OpenDict[string, int](r, "d")
	if err != nil {
		return err
	}
	for range 10 {
		if _, err := carom.AddKey(ctx, d, "n", 1); err != nil {
			return err
		}
	}
	lock, err := carom.OpenLock(r, "lock")
	if err != nil {
		return err
	}
	total, err := carom.OpenValue[int64](r, "total")
	if err != nil {
		return err
	}
	return lock.Do(ctx, func() error {
		total.Store(total.Load() + 1)
		return total.Err()
	})
}

// TestTwoClientsCount: two processes increment one key, and no increment is lost or
// applied twice.
func TestTwoClientsCount(t *testing.T) {
	n := amount(t, "increments", 100_000, 20_000)
	m := small(t, 32<<20)
	d := carom.Must(carom.NewDict[string, int](m, "count"))
	g := carom.NewGroup(t.Context(), m)
	for range 2 {
		adder.Go(g, adding{d, n})
	}
	require.NoError(t, g.Wait())
	sum, _, err := d.Get(t.Context(), "n")
	require.NoError(t, err)
	require.Equal(t, 2*n, sum)
}

type adding struct {
	D *carom.Dict[string, int]
	N int
}

var adder = carom.NewWorker("adder", func(ctx context.Context, w adding) error {
	for range w.N {
		if _, err := carom.AddKey(ctx, w.D, "n", 1); err != nil {
			return err
		}
	}
	return nil
})
