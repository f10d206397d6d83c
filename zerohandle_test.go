package carom_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// A handle that no constructor made is closed, to all its methods.
func TestZeroHandles(t *testing.T) {
	ctx := t.Context()
	nothing := func() error { return nil }
	rows := map[string]struct {
		h interface {
			Err() error
			Close() error
			Name() string
		}
		fails []func() error
		plain func() // the methods without an error
	}{}
	add := func(name string, h interface {
		Err() error
		Close() error
		Name() string
	}, plain func(), fails ...func() error) {
		row := rows[name]
		row.h, row.fails, row.plain = h, fails, plain
		rows[name] = row
	}

	v, big := new(carom.Value[int64]), new(carom.Value[[4]int64])
	add("Value", v, func() { v.Load(); v.Store(1); v.Swap(2); carom.Add(v, 1); carom.CompareAndSwap(v, 1, 2) },
		func() error { return v.Update(ctx, func(*int64) error { return nil }) },
		func() error { return v.Lock().Lock(ctx) }, func() error { return v.Lock().Close() })
	add("large Value", big, func() {
		big.Load()
		big.Store([4]int64{})
		big.Swap([4]int64{})
		carom.CompareAndSwap(big, [4]int64{}, [4]int64{})
	},
		func() error { return big.Update(ctx, func(*[4]int64) error { return nil }) })
	a := new(carom.Array[int64])
	add("Array", a, func() {
		a.Load(0)
		a.Store(0, 1)
		carom.AddAt(a, 0, 1)
		a.Len()
		a.Slice()
		for range a.All() {
		}
	}, func() error { return a.Do(ctx, func([]int64) error { return nil }) }, func() error { return a.Lock().TryLock() })
	q := new(carom.Queue[int])
	add("Queue", q, func() { q.Len(); q.Cap(); q.Empty(); q.Full() },
		func() error { return q.Put(ctx, 1) }, func() error { return q.TryPut(1) },
		func() error { _, err := q.PutMany(ctx, []int{1}); return err }, func() error { _, err := q.GetMany(ctx, make([]int, 1)); return err },
		func() error { _, err := q.Get(ctx); return err }, func() error { _, err := q.TryGet(); return err },
		q.CloseWrite, q.TaskDone, func() error { return q.Join(ctx) })
	b := new(carom.ByteQueue)
	add("ByteQueue", b, func() { b.Len(); b.Cap() },
		func() error { _, err := b.Reserve(ctx, 1); return err }, func() error { return b.Commit(nil) },
		func() error { _, err := b.Receive(ctx); return err }, func() error { _, err := b.TryReceive(); return err },
		func() error { return b.Release(nil) }, b.CloseWrite)
	l := new(carom.Lock)
	add("Lock", l, func() { l.Fence() }, func() error { return l.Lock(ctx) }, l.TryLock, l.Unlock,
		func() error { return l.Recover(ctx) }, func() error { return l.Do(ctx, nothing) })
	r := new(carom.RLock)
	add("RLock", r, func() {}, func() error { _, err := r.Lock(ctx); return err }, func() error { _, err := r.TryLock(ctx); return err },
		func() error { return r.Unlock(ctx) }, func() error { _, err := r.Recover(ctx); return err },
		func() error { return r.Do(ctx, func(context.Context) error { return nil }) })
	s := new(carom.Semaphore)
	add("Semaphore", s, func() { s.Value() }, func() error { return s.Acquire(ctx) }, s.TryAcquire,
		func() error { return s.Release() }, func() error { return s.Release(1, 2) }, func() error { return s.Release(-1) })
	c := new(carom.Condition)
	add("Condition", c, func() { c.L() }, func() error { return c.Wait(ctx) }, func() error { return c.WaitFor(ctx, func() bool { return true }) },
		func() error { return c.Notify(1) }, c.NotifyAll)
	e := new(carom.Event)
	add("Event", e, func() { e.IsSet() }, e.Set, e.Clear, func() error { return e.Wait(ctx) })
	bar := new(carom.Barrier)
	add("Barrier", bar, func() { bar.Parties(); bar.Waiting(); bar.Broken() }, func() error { _, err := bar.Wait(ctx); return err }, bar.Reset, bar.Abort)
	d := new(carom.Dict[string, int])
	add("Dict", d, func() {}, func() error { _, _, err := d.Get(ctx, ""); return err }, func() error { return d.Set(ctx, "", 1) },
		func() error {
			for _, err := range d.Watch(ctx) {
				return err
			}
			return nil
		})
	list := new(carom.List[int])
	add("List", list, func() {}, func() error { return list.Append(ctx, 1) }, func() error { _, err := list.Snapshot(ctx); return err })
	ref := carom.Ref{}
	add("Ref", ref, func() { ref.Kind(); ref.Manager() }, func() error { return carom.Invoke(ctx, ref, "Method") })

	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			row.plain()
			for _, f := range append(row.fails, row.h.Err, row.h.Close) {
				require.ErrorIs(t, f(), carom.ErrClosed)
			}
			require.Empty(t, row.h.Name())
		})
	}
}
