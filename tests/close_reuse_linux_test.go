package tests

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// fillerArgs are what a filler gets. Its orders come through another arena than the one that it
// fills, since that one may be spoilt.
type fillerArgs struct {
	Addr    string
	Key     []byte
	Orders  *carom.Queue[string]
	Reports *carom.Queue[string]
}

const fillerPattern = 0x0707070707070707

// filler is another process, which fills free memory with arrays and looks whether anybody
// else writes there.
var fillerWorker = carom.NewWorker("filler", func(ctx context.Context, a fillerArgs) error {
	if err := os.Unsetenv("CAROM_REMOTE"); err != nil { // it is about memory
		return err
	}
	m, err := carom.Connect(ctx, a.Addr, &carom.Options{AuthKey: a.Key})
	if err != nil {
		return err
	}
	defer m.Close()
	f := &filler{m: m}
	for {
		order, err := a.Orders.Get(ctx)
		if err != nil {
			return err
		}
		said := ""
		switch order {
		case "fill":
			f.fill(ctx, 600)
		case "check":
			f.check()
			f.free(ctx)
			said = f.found
		case "churn": // until the next order
			for a.Orders.Len() == 0 {
				f.fill(ctx, 40)
				for range 20 {
					runtime.Gosched()
				}
				f.check()
				f.free(ctx)
			}
			said = f.found
		}
		if f.err != nil {
			said += f.err.Error()
		}
		if err := a.Reports.Put(ctx, said); err != nil {
			return err
		}
	}
})

type filler struct {
	m      *carom.Manager
	arrays []*carom.Array[int64]
	found  string
	err    error
}

// fill makes arrays of the sizes that objects have.
func (f *filler) fill(ctx context.Context, n int) {
	for k := range n {
		size := 1 << (k % 12)
		if k%12 > 9 && k%5 > 0 {
			size = 1 << (k % 9)
		}
		a, err := carom.NewArray[int64](f.m, "", size)
		if err != nil {
			f.err = errors.Join(f.err, err)
			return
		}
		s := a.Slice()
		for i := range s {
			s[i] = fillerPattern
		}
		f.arrays = append(f.arrays, a)
	}
}

func (f *filler) check() {
	for k, a := range f.arrays {
		for i, x := range a.Slice() {
			if x != fillerPattern && len(f.found) < 500 {
				f.found += fmt.Sprintf("array %d of %d elements, element %d: %#x, and nobody wrote that; ", k, a.Len(), i, x)
			}
		}
	}
}

func (f *filler) free(ctx context.Context) {
	for _, a := range f.arrays {
		f.err = errors.Join(f.err, f.m.Remove(ctx, a.Name()), a.Close())
	}
	f.arrays = nil
}

// filling is a test's side of a filler.
type filling struct{ orders, reports *carom.Queue[string] }

// filler starts the place's, if this is the first test that needs it.
func (p *closePlace) filler() {
	if p.filling == nil {
		control, err := carom.Start(context.Background(), &carom.Options{Memory: 8 << 20})
		require.NoError(p, err)
		p.atEnd(func() { _ = control.Close() })
		f := &filling{carom.Must(carom.NewQueue[string](control, "orders")), carom.Must(carom.NewQueue[string](control, "reports"))}
		w, err := fillerWorker.Start(context.Background(), control, fillerArgs{p.base.Addr(), []byte("a secret"), f.orders, f.reports})
		require.NoError(p, err)
		p.atEnd(func() { _ = w.Kill(); _ = w.Wait() })
		p.filling = f
		require.Empty(p, p.filled("nothing"))
	}
}

func (p *closePlace) order(what string) {
	p.Helper()
	require.NoError(p, p.filling.orders.TryPut(what))
}

// filled gives an order and returns the report.
func (p *closePlace) filled(order string) string {
	p.Helper()
	p.order(order)
	return p.report()
}

func (p *closePlace) report() string {
	p.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	said, err := p.filling.reports.Get(ctx)
	require.NoError(p, err, "the filler does not answer")
	return said
}

// closeBeforeReuse closes the only handle of an object while a call waits in it, removes
// the object and has another process use the memory: for every method that can wait, all at
// once. No call writes there when it ends.
func closeBeforeReuse(t *testing.T, p *closePlace) {
	p.filler()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows := slices.DeleteFunc(closeRows(), closeRow.permits)
	p.rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	var all []*staged
	var calls []*calling
	for _, row := range rows {
		s := p.stage(ctx, row, false)
		all, calls = append(all, s), append(calls, s.calls[0], s.calls[1])
	}
	for _, s := range all {
		p.within(s)
	}
	parked(t, calls...)
	for _, s := range all {
		for _, h := range s.h {
			if err := closed(h); err != nil {
				s.wrong("%w", err)
			}
		}
		p.clear(s)
	}
	require.Empty(t, p.filled("fill"))
	cancel() // what has not ended by now writes now, if it writes
	deadline := time.Now().Add(promptly)
	for _, s := range all {
		for _, c := range s.calls {
			if err := c.end(deadline); !errors.Is(err, carom.ErrClosed) {
				s.wrong("its handle was closed, and the call: %v", err)
			}
		}
		p.finish(s)
	}
	require.Empty(t, p.filled("check"))
	report(t, all)
}

// closeBesideCalls does the same at random instants, also to calls that do not wait, while
// another process takes and fills what memory comes free.
func closeBesideCalls(t *testing.T, p *closePlace) {
	p.filler()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rounds := 8
	if p.remote {
		rounds = 2
	}
	if raced {
		rounds = max(rounds/4, 1)
	}
	p.order("churn")
	n := 0
	for range rounds {
		for _, row := range slices.DeleteFunc(closeRows(), closeRow.permits) {
			require.NoError(t, p.closedBeside(ctx, row), "%v", row)
			n++
		}
		for _, kind := range slices.Sorted(maps.Keys(busyRows)) {
			require.NoError(t, p.closedBusy(ctx, busyRows[kind]), "%s", kind)
			n++
		}
	}
	t.Logf("%d handles closed", n)
	p.order("stop")
	require.Empty(t, p.report())
	require.Empty(t, p.report())
}

// closedBeside closes the handles of a row at a random instant.
func (p *closePlace) closedBeside(ctx context.Context, row closeRow) error {
	s := p.stage(ctx, row, false)
	p.spin(200 * time.Microsecond)
	for _, h := range s.h {
		if err := closed(h); err != nil {
			return err
		}
	}
	p.clear(s)
	deadline := time.Now().Add(promptly)
	for _, c := range s.calls {
		if err := c.end(deadline); !errors.Is(err, carom.ErrClosed) {
			s.wrong("its handle was closed, and the call: %v", err)
		}
	}
	p.finish(s)
	return s.err
}

// busyRows are calls that do not wait. ok is false once the handle is closed.
var busyRows = map[string]func(m *carom.Manager, name string) (h closer, f func() (ok bool)){
	"Value[int64]": func(m *carom.Manager, name string) (closer, func() bool) {
		v := carom.Must(carom.NewValue[int64](m, name))
		return v, func() bool {
			v.Store(5)
			carom.CompareAndSwap(v, 5, 6)
			return carom.Add(v, 1) > 0
		}
	},
	"Value[struct]": func(m *carom.Manager, name string) (closer, func() bool) {
		v := carom.Must(carom.NewValue[wideValue](m, name))
		one := wideValue{}
		addOne(&one)
		return v, func() bool {
			v.Store(one)
			got := v.Load()
			return firstWord(got) == 1 && firstWord(v.Swap(one)) == 1
		}
	},
	"Array": func(m *carom.Manager, name string) (closer, func() bool) {
		a := carom.Must(carom.NewArray[int64](m, name, 50))
		return a, func() bool {
			a.Store(49, 1)
			return carom.AddAt(a, 48, 1) > 0
		}
	},
	"Lock": func(m *carom.Manager, name string) (closer, func() bool) {
		l := carom.Must(carom.NewLock(m, name))
		return l, func() bool {
			err := l.TryLock()
			if err == nil {
				err = l.Unlock()
			}
			return err == nil || errors.Is(err, carom.ErrLocked) || errors.Is(err, carom.ErrNotLocked)
		}
	},
	"RLock": func(m *carom.Manager, name string) (closer, func() bool) {
		l := carom.Must(carom.NewRLock(m, name))
		return l, func() bool {
			held, err := l.TryLock(context.Background())
			if err == nil {
				err = l.Unlock(held)
			}
			return err == nil || errors.Is(err, carom.ErrLocked)
		}
	},
	"Semaphore": func(m *carom.Manager, name string) (closer, func() bool) {
		s := carom.Must(carom.NewSemaphore(m, name, 1))
		return s, func() bool { return !errors.Is(errors.Join(s.Release(), s.TryAcquire()), carom.ErrClosed) }
	},
	"BoundedSemaphore": func(m *carom.Manager, name string) (closer, func() bool) {
		s := carom.Must(carom.NewBoundedSemaphore(m, name, 1))
		return s, func() bool {
			err := s.TryAcquire()
			if err == nil {
				err = s.Release()
			}
			return !errors.Is(err, carom.ErrClosed)
		}
	},
	"Event": func(m *carom.Manager, name string) (closer, func() bool) {
		e := carom.Must(carom.NewEvent(m, name))
		return e, func() bool { return e.Set() == nil && e.Clear() == nil }
	},
	"Barrier": func(m *carom.Manager, name string) (closer, func() bool) {
		b := carom.Must(carom.NewBarrier(m, name, 2))
		return b, func() bool { return b.Abort() == nil && b.Reset() == nil }
	},
	"Condition": func(m *carom.Manager, name string) (closer, func() bool) {
		c := carom.Must(carom.NewCondition(m, name, nil))
		return c, func() bool {
			err := c.L().TryLock()
			if err == nil {
				err = errors.Join(c.NotifyAll(), c.L().Unlock())
			}
			return !errors.Is(err, carom.ErrClosed)
		}
	},
	"Queue": func(m *carom.Manager, name string) (closer, func() bool) {
		q := carom.Must(carom.NewQueue[[]byte](m, name, carom.Cap(8)))
		sizes := [...]int{8, 20_000}
		var n atomic.Int64
		return q, func() bool {
			err := q.TryPut(make([]byte, sizes[n.Add(1)%2]))
			if err == nil || errors.Is(err, carom.ErrFull) {
				_, err = q.TryGet()
			}
			return err == nil || errors.Is(err, carom.ErrEmpty)
		}
	},
	"Queue with AtLeastOnce": func(m *carom.Manager, name string) (closer, func() bool) {
		q := carom.Must(carom.NewQueue[int64](m, name, carom.AtLeastOnce(), carom.Cap(8)))
		return q, func() bool {
			err := q.TryPut(7)
			if err == nil || errors.Is(err, carom.ErrFull) {
				if _, err = q.TryGet(); err == nil {
					err = q.TaskDone()
				}
			}
			return !errors.Is(err, carom.ErrClosed)
		}
	},
	"ByteQueue": func(m *carom.Manager, name string) (closer, func() bool) {
		q := carom.Must(carom.NewByteQueue(m, name))
		return q, func() bool {
			b, err := q.Reserve(context.Background(), 300)
			if err == nil {
				err = q.Commit(b)
			}
			if err == nil {
				b, err = q.TryReceive()
			}
			if err == nil {
				err = q.Release(b)
			}
			return err == nil || errors.Is(err, carom.ErrEmpty)
		}
	},
}

// closedBusy closes a handle at a random instant while three goroutines use it.
func (p *closePlace) closedBusy(ctx context.Context, open func(m *carom.Manager, name string) (closer, func() bool)) error {
	name := p.name()
	h, f := open(p.m, name)
	var calls []*calling
	for range 3 {
		calls = append(calls, call(ctx, func(context.Context) error {
			for f() {
				runtime.Gosched()
			}
			return nil
		}))
	}
	p.spin(300 * time.Microsecond)
	remove := result(func() error {
		p.spin(100 * time.Microsecond)
		return p.base.Remove(ctx, name)
	})
	err := errors.Join(closed(h), <-remove)
	deadline := time.Now().Add(promptly)
	for _, c := range calls {
		err = errors.Join(err, c.end(deadline))
	}
	return err
}
