package tests

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func small(t testing.TB, memory int64) *carom.Manager {
	t.Helper()
	m, err := carom.Start(t.Context(), &carom.Options{Memory: memory})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// TestItemSizes: what goes in comes out, whatever its size; what cannot ever fit says so.
func TestItemSizes(t *testing.T) {
	const budget = 8 << 20
	sizes := []int{0, 1, 63, 64, 65, 4095, 4096, 4097, 8191, 8192, 8193, 65535, 65536, 65537, 1 << 20}
	for _, opts := range [][]carom.Option{nil, {carom.AtLeastOnce()}, {carom.Cap(2)}} {
		m := small(t, budget)
		ctx := within(t)
		q := carom.Must(carom.NewQueue[[]byte](m, "q", opts...))
		b := carom.Must(carom.NewByteQueue(m, "b"))
		for round := range 3 {
			for _, n := range sizes {
				item := bytes.Repeat([]byte{byte(n) + byte(round)}, n)
				require.NoError(t, q.Put(ctx, item))
				got, err := q.Get(ctx)
				require.NoError(t, err)
				require.True(t, bytes.Equal(item, got), "%d bytes", n)
				require.NoError(t, q.TaskDone())

				buf, err := b.Reserve(ctx, n)
				require.NoError(t, err)
				require.Len(t, buf, n)
				copy(buf, item)
				require.NoError(t, b.Commit(buf))
				view, err := b.Receive(ctx)
				require.NoError(t, err)
				require.True(t, bytes.Equal(item, view))
				require.NoError(t, b.Release(view))
			}
		}
		require.ErrorIs(t, q.Put(ctx, make([]byte, budget+1)), carom.ErrTooLarge)
		require.ErrorIs(t, q.TryPut(make([]byte, budget+1)), carom.ErrTooLarge)
		_, err := b.Reserve(ctx, budget+1)
		require.ErrorIs(t, err, carom.ErrTooLarge)
		_, err = carom.NewArray[int64](m, "array", budget)
		require.ErrorIs(t, err, carom.ErrTooLarge)
		require.NoError(t, q.Join(ctx))
		checked(t, m)
	}
}

// TestFull: a queue filled to its cap, and one filled to the arena's budget.
func TestFull(t *testing.T) {
	m := small(t, 4<<20)
	q := carom.Must(carom.NewQueue[int](m, "capped", carom.Cap(100)))
	for i := range 100 {
		require.NoError(t, q.TryPut(i))
	}
	require.ErrorIs(t, q.TryPut(100), carom.ErrFull)
	require.True(t, q.Full())
	ctx, cancel := context.WithCancel(t.Context())
	got := result(func() error { return q.Put(ctx, 100) })
	silent(t, got)
	cancel()
	require.ErrorIs(t, receive(t, got), context.Canceled)
	require.Equal(t, 100, q.Len())
	for i := range 100 {
		item, err := q.TryGet()
		require.NoError(t, err)
		require.Equal(t, i, item)
	}
	require.NoError(t, m.Remove(t.Context(), "capped"))
	require.NoError(t, q.Close())

	for _, size := range []int{10, 1000, 8192, 100_000} {
		before := m.Stats().Used
		u := carom.Must(carom.NewQueue[[]byte](m, "unbounded"))
		n, item := 0, bytes.Repeat([]byte{7}, size)
		var err error
		for ; err == nil; n++ {
			err = u.TryPut(item)
		}
		n--
		require.ErrorIs(t, err, carom.ErrNoMemory)
		require.Greater(t, n*size, 1<<19, "most of the budget is for the items")
		require.Equal(t, n, u.Len())
		require.LessOrEqual(t, m.Stats().Committed, m.Stats().Budget)
		_, err = u.TryGet()
		require.NoError(t, err)
		for range n - 1 {
			b, err := u.TryGet()
			require.NoError(t, err)
			require.Len(t, b, size)
		}
		require.NoError(t, u.TryPut(item)) // there is room again
		checked(t, m)
		require.NoError(t, m.Remove(t.Context(), "unbounded"))
		require.NoError(t, u.Close())
		require.Equal(t, before, m.Stats().Used)
	}
}

type withPointer struct {
	A int32
	B struct{ C []int }
}

type version1 struct {
	A int32
	B int64
}

type version2 struct {
	A int64
	B int32
}

var disagreeing = carom.NewWorker("disagreeing", func(context.Context, string) error {
	m, err := carom.FromEnv(context.Background())
	if err != nil {
		return err
	}
	_, err = carom.NewValue[version2](m, "versions")
	return err
})

// TestElementTypes: what means nothing to another process, and what two processes see
// differently, is refused with both sides named.
func TestElementTypes(t *testing.T) {
	m := manager(t)
	_, err := carom.NewValue[withPointer](m, "pointer")
	require.ErrorIs(t, err, carom.ErrType)
	require.ErrorContains(t, err, "B.C")
	_, err = carom.NewArray[withPointer](m, "pointer", 3)
	require.ErrorIs(t, err, carom.ErrType)
	require.ErrorContains(t, err, "B.C")
	_, err = carom.NewValue[string](m, "pointer")
	require.ErrorIs(t, err, carom.ErrType)
	carom.Must(carom.NewQueue[withPointer](m, "any type will do"))

	carom.Must(carom.NewValue[version1](m, "versions"))
	p, err := disagreeing.Start(t.Context(), m, "")
	require.NoError(t, err)
	err = p.Wait()
	require.ErrorIs(t, err, carom.ErrType)
	require.ErrorContains(t, err, "A@0 int32; B@8 int64")
	require.ErrorContains(t, err, "A@0 int64; B@8 int32")

	carom.Must(carom.NewArray[int32](m, "array", 5))
	_, err = carom.NewArray[int32](m, "array", 6)
	require.ErrorIs(t, err, carom.ErrType)
	require.ErrorContains(t, err, "5")
	require.ErrorContains(t, err, "6")
	carom.Must(carom.NewQueue[int](m, "queue", carom.Cap(5)))
	_, err = carom.NewQueue[int](m, "queue", carom.Cap(6))
	require.ErrorIs(t, err, carom.ErrType)
	_, err = carom.NewQueue[int](m, "queue", carom.Cap(5), carom.AtLeastOnce())
	require.ErrorIs(t, err, carom.ErrType)
	_, err = carom.NewQueue[uint](m, "queue", carom.Cap(5))
	require.ErrorIs(t, err, carom.ErrType)
	_, err = carom.NewValue[int](m, "queue")
	require.ErrorIs(t, err, carom.ErrType)
	require.ErrorContains(t, err, "Queue")
	require.ErrorContains(t, err, "Value")
}

// TestNames: an empty name asks for one, long ones and ones that are no text are refused,
// by every kind alike.
func TestNames(t *testing.T) {
	m := manager(t)
	longest := strings.Repeat("n", 1024)
	makers := map[string]func(name string) (interface{ Name() string }, error){
		"Value":     func(n string) (interface{ Name() string }, error) { return carom.NewValue[int](m, n) },
		"Array":     func(n string) (interface{ Name() string }, error) { return carom.NewArray[int](m, n, 1) },
		"Lock":      func(n string) (interface{ Name() string }, error) { return carom.NewLock(m, n) },
		"Event":     func(n string) (interface{ Name() string }, error) { return carom.NewEvent(m, n) },
		"Queue":     func(n string) (interface{ Name() string }, error) { return carom.NewQueue[int](m, n) },
		"ByteQueue": func(n string) (interface{ Name() string }, error) { return carom.NewByteQueue(m, n) },
		"Dict":      func(n string) (interface{ Name() string }, error) { return carom.NewDict[string, int](m, n) },
		"List":      func(n string) (interface{ Name() string }, error) { return carom.NewList[int](m, n) },
		"Namespace": func(n string) (interface{ Name() string }, error) { return carom.NewNamespace(m, n) },
	}
	for kind, create := range makers {
		t.Run(kind, func(t *testing.T) {
			a, err := create("")
			require.NoError(t, err)
			b, err := create("")
			require.NoError(t, err)
			require.NotEmpty(t, a.Name())
			require.NotEqual(t, a.Name(), b.Name())
			for _, name := range []string{longest[:1024-len(kind)] + kind, kind + " with blanks\x00 and\nmore", "名前" + kind} {
				o, err := create(name)
				require.NoError(t, err, "%q", name)
				require.Equal(t, name, o.Name())
				require.NoError(t, m.Remove(t.Context(), name))
			}
			_, err = create(longest + "n")
			require.ErrorIs(t, err, carom.ErrTooLarge)
			_, err = create("\xff\xfe")
			require.Error(t, err)
			require.ErrorContains(t, err, "UTF-8")
		})
	}
	checked(t, m)
}
