package carom_test

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// The same behaviours where both managers map the memory, where neither does, and where one
// of each meet.
var scenes = []struct {
	name   string
	addr   string
	remote [2]bool
}{
	{"local", "", [2]bool{false, false}},
	{"unix", "", [2]bool{true, true}},
	{"tcp", "tcp://127.0.0.1:0", [2]bool{true, true}},
	{"local and remote", "", [2]bool{false, true}},
	{"remote and local", "", [2]bool{true, false}},
}

// inAllScenes runs f with two managers of one arena, which are two processes as far as that is
// concerned.
func inAllScenes(t *testing.T, f func(t *testing.T, a, b *carom.Manager)) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			key := []byte("a secret")
			a, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20, AuthKey: key, Addr: s.addr, Remote: s.remote[0]})
			require.NoError(t, err)
			t.Cleanup(func() { _ = a.Close() })
			b, err := carom.Connect(t.Context(), a.Addr(), &carom.Options{AuthKey: key, Remote: s.remote[1]})
			require.NoError(t, err)
			t.Cleanup(func() { _ = b.Close() })
			f(t, a, b)
		})
	}
}

type wide struct {
	A int64
	B uint8
	C [3]float32
}

func TestSharedValue(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		x := carom.Must(carom.NewValue[int64](a, "x", carom.Initial(5)))
		y := carom.Must(carom.OpenValue[int64](b, "x"))
		require.EqualValues(t, 5, y.Load())
		require.EqualValues(t, 7, carom.Add(y, 2))
		require.EqualValues(t, 7, x.Swap(8))
		require.False(t, carom.CompareAndSwap(y, 7, 9))
		require.True(t, carom.CompareAndSwap(y, 8, 9))
		x.Store(math.MaxInt64)
		require.EqualValues(t, math.MinInt64, carom.Add(y, 1), "integers wrap")
		require.NoError(t, y.Update(ctx, func(n *int64) error { *n = 1; return nil }))
		oops := errors.New("oops")
		require.Equal(t, oops, y.Update(ctx, func(n *int64) error { *n = 2; return oops }))
		require.EqualValues(t, 1, x.Load())

		small := carom.Must(carom.NewValue[uint8](a, "small"))
		require.EqualValues(t, 255, carom.Add(carom.Must(carom.OpenValue[uint8](b, "small")), 255))
		require.EqualValues(t, 0, carom.Add(small, 1))
		f := carom.Must(carom.OpenValue[float64](b, carom.Must(carom.NewValue[float64](a, "f", carom.Initial(0.5))).Name()))
		require.Equal(t, 0.75, carom.Add(f, 0.25))
		f.Store(math.Copysign(0, -1))
		require.True(t, carom.CompareAndSwap(f, 0, 1), "as numbers, zeros are equal")
		f.Store(math.NaN())
		require.False(t, carom.CompareAndSwap(f, math.NaN(), 1))

		v := carom.Must(carom.NewValue[wide](a, "wide"))
		w := carom.Must(carom.NewValue[wide](b, "wide"))
		first, second := wide{1, 2, [3]float32{3, 4, 5}}, wide{6, 7, [3]float32{8, 9, 10}}
		v.Store(first)
		require.Equal(t, first, w.Swap(second))
		require.True(t, carom.CompareAndSwap(w, second, first))
		require.False(t, carom.CompareAndSwap(v, second, first))
		require.NoError(t, w.Update(ctx, func(x *wide) error { x.B++; return nil }))
		require.EqualValues(t, 3, v.Load().B)

		lock := y.Lock()
		require.NoError(t, lock.Lock(ctx))
		require.ErrorIs(t, x.Lock().TryLock(), carom.ErrLocked)
		require.NoError(t, lock.Unlock())
		require.NoError(t, y.Err())
		require.NoError(t, y.Close())
		require.ErrorIs(t, y.Close(), carom.ErrClosed)
		require.Zero(t, y.Load())
		require.ErrorIs(t, y.Err(), carom.ErrClosed)
		require.ErrorIs(t, y.Update(ctx, func(*int64) error { return nil }), carom.ErrClosed)
		sound(t, a)
	})
}

func TestSharedCounters(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		const n, each = 4, 200
		var all sync.WaitGroup
		x := carom.Must(carom.NewValue[int64](a, "x"))
		array := carom.Must(carom.NewArray[uint16](a, "array", 3))
		for i := range n {
			m := a
			if i%2 == 1 {
				m = b
			}
			all.Go(func() {
				x := carom.Must(carom.OpenValue[int64](m, "x"))
				array := carom.Must(carom.OpenArray[uint16](m, "array"))
				for range each {
					carom.Add(x, 1)
					carom.AddAt(array, 2, 1)
					if err := array.Do(context.Background(), func(s []uint16) error { s[1]++; return nil }); err != nil {
						panic(err)
					}
				}
			})
		}
		all.Wait()
		require.EqualValues(t, n*each, x.Load())
		require.Equal(t, []uint16{0, n * each, n * each}, array.Slice())
		sound(t, a)
	})
}

func TestSharedArray(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		x := carom.Must(carom.NewArray[int32](a, "x", 4, carom.InitialSlice([]int32{1, 2, 3})))
		y := carom.Must(carom.OpenArray[int32](b, "x"))
		require.Equal(t, 4, y.Len())
		require.Equal(t, []int32{1, 2, 3, 0}, y.Slice())
		y.Store(3, -4)
		require.EqualValues(t, -4, x.Load(3))
		require.EqualValues(t, 3, carom.AddAt(y, 0, 2))
		sum := int32(0)
		for i, e := range y.All() {
			sum += e
			if i == 2 {
				break
			}
		}
		require.EqualValues(t, 8, sum)
		oops := errors.New("oops")
		require.Equal(t, oops, y.Do(ctx, func(s []int32) error {
			require.Len(t, s, 4)
			x.Store(0, 100) // does not take the lock
			s[1], s[3] = 20, 40
			return oops
		}))
		require.Equal(t, []int32{100, 20, 3, 40}, x.Slice(), "what f did stays, and what it did not do as well")
		for _, i := range []int{-1, 4, math.MaxInt} {
			require.Panics(t, func() { y.Load(i) })
			require.Panics(t, func() { y.Store(i, 1) })
			require.Panics(t, func() { carom.AddAt(y, i, 1) })
		}
		require.NoError(t, y.Lock().Lock(ctx))
		require.ErrorIs(t, x.Lock().TryLock(), carom.ErrLocked)
		require.NoError(t, y.Lock().Unlock())

		long := carom.Must(carom.NewArray[wide](a, "long", 100_000))
		long.Store(99_999, wide{A: 9})
		same := carom.Must(carom.NewArray[wide](b, "long", 100_000))
		require.EqualValues(t, 9, same.Slice()[99_999].A)
		require.NoError(t, same.Do(ctx, func(s []wide) error {
			for i := range s {
				s[i].A = int64(i)
			}
			return nil
		}))
		n := int64(0)
		for i, e := range long.All() {
			n += e.A - int64(i)
		}
		require.Zero(t, n)
		none := carom.Must(carom.NewArray[int64](b, "none", 0))
		require.Empty(t, none.Slice())
		require.Panics(t, func() { none.Load(0) })
		require.NoError(t, y.Close())
		require.Nil(t, y.Slice())
		require.ErrorIs(t, y.Err(), carom.ErrClosed)
		sound(t, a)
	})
}

func TestSharedLock(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		x := carom.Must(carom.NewLock(a, "x"))
		y := carom.Must(carom.NewLock(b, "x"))
		require.ErrorIs(t, y.Unlock(), carom.ErrNotLocked)
		require.NoError(t, y.Lock(ctx))
		require.ErrorIs(t, x.TryLock(), carom.ErrLocked)
		before := x.Fence()
		short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
		defer cancel()
		require.Equal(t, context.DeadlineExceeded, x.Lock(short))
		gone, leave := context.WithCancel(ctx)
		got := make(chan error)
		go func() { got <- x.Lock(gone) }()
		leave()
		require.Equal(t, context.Canceled, <-got)
		go func() { got <- x.Lock(context.Background()) }()
		require.NoError(t, y.Unlock())
		require.NoError(t, <-got)
		require.NoError(t, y.Unlock(), "by another process than the owner")
		require.NoError(t, y.Do(ctx, func() error { return nil }))
		require.Greater(t, y.Fence(), before)
		k := y.Locker()
		k.Lock()
		require.ErrorIs(t, x.TryLock(), carom.ErrLocked)
		k.Unlock()
		require.Panics(t, k.Unlock)
		self := carom.Must(carom.NewLock(b, "self", carom.AutoRecover()))
		_, err := carom.NewLock(a, "self")
		require.ErrorIs(t, err, carom.ErrType)
		// The death of the owner.
		require.NoError(t, y.Lock(ctx))
		require.NoError(t, self.Lock(ctx))
		require.NoError(t, b.Close())
		require.ErrorIs(t, x.Lock(ctx), carom.ErrOwnerDied)
		require.ErrorIs(t, x.TryLock(), carom.ErrOwnerDied)
		require.NoError(t, x.Recover(ctx))
		require.NoError(t, x.Unlock())
		require.NoError(t, carom.Must(carom.OpenLock(a, "self")).Lock(ctx))
		require.ErrorIs(t, y.Lock(ctx), carom.ErrClosed)
		sound(t, a)
	})
}

func TestSharedEvent(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		x := carom.Must(carom.NewEvent(a, "x"))
		y := carom.Must(carom.OpenEvent(b, "x"))
		require.False(t, y.IsSet())
		short, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		require.Equal(t, context.DeadlineExceeded, y.Wait(short))
		got := make(chan error, 40)
		for i := range cap(got) {
			e := x
			if i%2 == 0 {
				e = y
			}
			go func() { got <- e.Wait(context.Background()) }()
		}
		require.NoError(t, y.Set())
		for range cap(got) {
			require.NoError(t, <-got)
		}
		require.True(t, x.IsSet())
		require.NoError(t, y.Clear())
		require.False(t, x.IsSet())
		require.NoError(t, y.Err())
		sound(t, a)
	})
}

func TestSharedQueue(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		sharedQueue(t, a, b, "fixed", []wide{{A: 1}, {B: 2}, {C: [3]float32{3}}, {A: 4}})
		sharedQueue(t, a, b, "bytes", [][]byte{{1}, {}, nil, []byte(strings.Repeat("long", 10_000))})
		sharedQueue(t, a, b, "text", []string{"a", "", "c", strings.Repeat("long", 10_000)})
		sharedQueue(t, a, b, "encoded", []map[string][]int{{"a": {1}}, {}, {"b": nil}, {"c": {2, 3}}})
		sound(t, a)
	})
}

func sharedQueue[T any](t *testing.T, a, b *carom.Manager, name string, items []T) {
	ctx := t.Context()
	x := carom.Must(carom.NewQueue[T](a, name, carom.Cap(3)))
	y := carom.Must(carom.NewQueue[T](b, name, carom.Cap(3)))
	_, err := y.TryGet()
	require.ErrorIs(t, err, carom.ErrEmpty)
	require.True(t, y.Empty())
	require.Equal(t, 3, y.Cap())
	for _, item := range items[:3] {
		require.NoError(t, y.Put(ctx, item))
	}
	require.ErrorIs(t, y.TryPut(items[3]), carom.ErrFull)
	require.True(t, y.Full())
	require.Equal(t, 3, y.Len())
	short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	require.Equal(t, context.DeadlineExceeded, y.Put(short, items[3]))
	got := make(chan error)
	go func() { got <- y.Put(context.Background(), items[3]) }()
	for _, want := range items {
		item, err := x.Get(ctx)
		require.NoError(t, err)
		require.Equal(t, want, item)
	}
	require.NoError(t, <-got)
	for range items {
		require.NoError(t, y.TaskDone())
	}
	require.ErrorIs(t, y.TaskDone(), carom.ErrOverRelease)
	require.NoError(t, y.Join(ctx))

	list := make([]T, 8)
	go func() {
		n, err := y.PutMany(context.Background(), append(items, items...))
		if err == nil && n != 2*len(items) {
			err = io.ErrShortWrite
		}
		got <- err
	}()
	for n := 0; n < 2*len(items); {
		k, err := y.GetMany(ctx, list[n:])
		require.NoError(t, err)
		require.NotZero(t, k)
		n += k
	}
	require.NoError(t, <-got)
	require.Equal(t, append(items, items...), list)
	gone, leave := context.WithCancel(ctx)
	go func() {
		n, err := y.PutMany(gone, items)
		if n != 3 {
			err = io.ErrShortWrite
		}
		got <- err
	}()
	until(t, "it is full", x.Full)
	leave()
	require.Equal(t, context.Canceled, <-got)
	require.Equal(t, 3, x.Len())

	require.NoError(t, y.CloseWrite())
	require.ErrorIs(t, x.CloseWrite(), carom.ErrClosed)
	require.ErrorIs(t, y.Put(ctx, items[0]), carom.ErrClosed)
	n := 0
	for item, err := range y.All(ctx) {
		require.NoError(t, err)
		require.Equal(t, items[n], item)
		n++
	}
	require.Equal(t, 3, n)
	_, err = y.Get(ctx)
	require.Equal(t, io.EOF, err)
	_, err = y.GetMany(ctx, list)
	require.Equal(t, io.EOF, err)
	require.NoError(t, y.Close())
	require.ErrorIs(t, y.Put(ctx, items[0]), carom.ErrClosed)
	require.Zero(t, y.Cap())
}

func TestSharedQueueAtLeastOnce(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		x := carom.Must(carom.NewQueue[int](a, "x", carom.AtLeastOnce()))
		y := carom.Must(carom.OpenQueue[int](b, "x"))
		z := carom.Must(carom.OpenQueue[int](b, "x"))
		for i := range 5 {
			require.NoError(t, x.Put(ctx, i))
		}
		for range 2 {
			_, err := y.Get(ctx)
			require.NoError(t, err)
		}
		item, err := z.Get(ctx)
		require.NoError(t, err)
		require.Equal(t, 2, item)
		require.NoError(t, y.TaskDone(), "of item 0")
		require.NoError(t, y.Close(), "item 1 goes back")
		item, err = x.Get(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, item)
		require.ErrorIs(t, carom.Must(carom.OpenQueue[int](b, "x")).TaskDone(), carom.ErrOverRelease)
		require.NoError(t, b.Close())
		until(t, "item 2 is back", func() bool { return x.Len() == 3 })
		for _, want := range []int{2, 3, 4} {
			item, err := x.Get(ctx)
			require.NoError(t, err)
			require.Equal(t, want, item)
		}
		for range 4 {
			require.NoError(t, x.TaskDone())
		}
		require.NoError(t, x.Join(ctx))
		sound(t, a)
	})
}

func TestSharedByteQueue(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		x := carom.Must(carom.NewByteQueue(a, "x", carom.Cap(2)))
		y := carom.Must(carom.OpenByteQueue(b, "x"))
		require.Equal(t, 2, y.Cap())
		for _, text := range []string{"an item", ""} {
			buf, err := y.Reserve(ctx, len(text)+1)
			require.NoError(t, err)
			require.Len(t, buf, len(text)+1)
			require.NoError(t, y.Commit(buf[:copy(buf, text)]))
		}
		require.Equal(t, 2, x.Len())
		buf, err := y.Reserve(ctx, 0)
		require.NoError(t, err)
		short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
		defer cancel()
		require.Equal(t, context.DeadlineExceeded, y.CommitContext(short, buf))
		for _, text := range []string{"an item", ""} {
			view, err := x.Receive(ctx)
			require.NoError(t, err)
			require.Equal(t, text, string(view))
			require.NoError(t, x.Release(view))
			require.ErrorIs(t, x.Release(view), carom.ErrNotFound)
		}
		require.NoError(t, y.Commit(buf), "it is still the caller's")
		view, err := y.TryReceive()
		require.NoError(t, err)
		require.NoError(t, y.Release(view))
		_, err = y.TryReceive()
		require.ErrorIs(t, err, carom.ErrEmpty)
		require.ErrorIs(t, y.Commit(make([]byte, 3)), carom.ErrNotFound)
		_, err = y.Reserve(ctx, -1)
		require.ErrorIs(t, err, carom.ErrTooLarge)
		_, err = y.Reserve(ctx, 1<<30)
		require.ErrorIs(t, err, carom.ErrTooLarge)
		require.NoError(t, y.CloseWrite())
		_, err = y.Reserve(ctx, 1)
		require.ErrorIs(t, err, carom.ErrClosed)
		_, err = y.Receive(ctx)
		require.Equal(t, io.EOF, err)
		require.NoError(t, y.Close())
		sound(t, a)
	})
}

// What a constructor refuses, it refuses everywhere, in the same words.
func TestSharedRefusals(t *testing.T) {
	var wanted []string
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		carom.Must(carom.NewValue[int64](a, "value"))
		carom.Must(carom.NewArray[int64](a, "array", 3))
		carom.Must(carom.NewQueue[int64](a, "queue", carom.Cap(3)))
		carom.Must(carom.NewLock(a, "lock"))
		carom.Must(carom.NewSemaphore(a, "semaphore", 3))
		carom.Must(carom.NewBarrier(a, "barrier", 3))
		carom.Must(carom.NewDict[string, int](a, "dict"))
		carom.Must(carom.NewCondition(a, "condition", nil))
		var said []string
		refuse := func(_ any, err error, sentinel error) {
			t.Helper()
			require.ErrorIs(t, err, sentinel)
			said = append(said, err.Error())
		}
		v, err := carom.NewValue[int32](b, "value")
		require.Nil(t, v)
		refuse(v, err, carom.ErrType)
		refuse2 := func(sentinel error) func(any, error) {
			return func(v any, err error) { t.Helper(); refuse(v, err, sentinel) }
		}
		kind, exists, absent, name := refuse2(carom.ErrType), refuse2(carom.ErrExists), refuse2(carom.ErrNotFound), refuse2(carom.ErrName)
		kind(carom.NewLock(b, "value"))
		kind(carom.NewValue[int64](b, "dict"))
		kind(carom.NewDict[string, int](b, "array"))
		kind(carom.OpenValue[uint64](b, "value"))
		kind(carom.NewValue[*int](b, "new"))
		kind(carom.NewValue[int64](b, "new", carom.Cap(3)))
		kind(carom.NewValue[int64](b, "new", carom.Initial("text")))
		kind(carom.NewArray[int64](b, "array", 4))
		kind(carom.NewArray[int64](b, "new", -1))
		kind(carom.NewArray[int64](b, "new", 1, carom.InitialSlice([]int64{1, 2})))
		kind(carom.OpenArray[int32](b, "array"))
		kind(carom.NewQueue[int64](b, "queue"))
		kind(carom.NewQueue[int64](b, "queue", carom.Cap(3), carom.AtLeastOnce()))
		kind(carom.NewQueue[string](b, "queue", carom.Cap(3)))
		kind(carom.NewQueue[int64](b, "new", carom.Cap(-1)))
		kind(carom.NewLock(b, "lock", carom.AutoRecover()))
		kind(carom.NewSemaphore(b, "semaphore", 4))
		kind(carom.NewSemaphore(b, "semaphore", 3, carom.Permits()))
		kind(carom.NewBoundedSemaphore(b, "semaphore", 3))
		kind(carom.NewBarrier(b, "barrier", 4))
		kind(carom.NewBarrier(b, "new", 0))
		kind(carom.NewCondition(b, "condition", carom.Must(carom.NewLock(b, "other"))))
		kind(carom.NewCondition(b, "new", carom.Must(carom.NewLock(a, "other"))))
		exists(carom.NewEvent(b, "lock", carom.Exclusive()))
		exists(carom.NewValue[int64](b, "value", carom.Exclusive()))
		absent(carom.OpenValue[int64](b, "nothing"))
		absent(carom.OpenBarrier(b, "nothing"))
		absent(carom.OpenQueue[string](b, ""))
		name(carom.NewLock(b, "\xff"))
		refuse2(carom.ErrTooLarge)(carom.NewLock(b, strings.Repeat("n", 2000)))
		require.ErrorIs(t, b.Remove(t.Context(), "nothing"), carom.ErrNotFound)
		require.NoError(t, b.Close())
		refuse2(carom.ErrClosed)(carom.NewLock(b, "lock"))
		if wanted == nil {
			wanted = said
		}
		require.Equal(t, wanted, said)
	})
}

// A manager tells the same of its objects, whichever way it uses them.
func TestSharedOverview(t *testing.T) {
	type overview struct {
		Objects map[string]carom.Info
		Used    int64
	}
	var wanted *overview
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		carom.Must(carom.NewValue[wide](a, "value"))
		carom.Must(carom.NewArray[int64](b, "array", 3))
		carom.Must(carom.NewByteQueue(b, "bytes"))
		carom.Must(carom.NewDict[string, int](a, "dict"))
		carom.Must(carom.NewRLock(b, "gone"))
		require.NoError(t, b.Remove(ctx, "gone"))
		got := &overview{Objects: map[string]carom.Info{}}
		names := []string{}
		for i, err := range b.Objects(ctx) {
			require.NoError(t, err)
			got.Objects[i.Name] = i
			names = append(names, i.Name)
		}
		require.ElementsMatch(t, []string{"value", "array", "bytes", "dict"}, names)
		s := b.Stats()
		got.Used = s.Used
		require.Equal(t, 4, s.Objects)
		require.Positive(t, s.Budget)
		require.Positive(t, s.Calls)
		require.Equal(t, 3, s.Processes)
		n := 0
		for p, err := range b.Processes(ctx) {
			require.NoError(t, err)
			require.NotEmpty(t, p.Role)
			n++
		}
		require.Equal(t, 3, n)
		found, err := b.Check(ctx)
		require.NoError(t, err)
		require.Empty(t, found)
		if wanted == nil {
			wanted = got
		}
		require.Equal(t, wanted, got)
		require.NoError(t, b.Remove(ctx, "dict"))
		require.ErrorIs(t, b.Remove(ctx, "dict"), carom.ErrNotFound)
	})
}
