package cases

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom"
)

func init() {
	Add(InProcess("Lock/impl=carom/procs=1", 0, func(e *Env) (func(int) error, error) {
		l, err := carom.NewLock(e.M, "")
		if _, err := own(e, l, err); err != nil {
			return nil, err
		}
		ctx := e.Ctx
		return func(n int) error {
			for range n {
				if err := l.Lock(ctx); err != nil {
					return err
				}
				if err := l.Unlock(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}))
	Add(InProcess("Lock/impl=sync.Mutex/procs=1", 0, func(*Env) (func(int) error, error) {
		l := new(sync.Mutex)
		return func(n int) error {
			for range n {
				l.Lock()
				l.Unlock() //nolint:staticcheck // the pair is what is measured
			}
			return nil
		}, nil
	}))
	for _, c := range []struct{ procs, many int }{{2, 1}, {4, 1}, {2, 64}} {
		Add(Case{Name: fmt.Sprintf("Lock/impl=carom/procs=%d/goroutines=%d", c.procs, c.many), Long: c.many > 1, Open: func(e *Env) (Run, error) {
			l, err := carom.NewLock(e.M, "")
			if _, err := own(e, l, err); err != nil {
				return nil, err
			}
			return e.Lockers(c.procs, Party{Role: "locker", Object: l.Name(), Many: c.many})
		}})
	}
	Roles["locker"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		l, err := carom.OpenLock(m, p.Object)
		if err != nil {
			return nil, err
		}
		v, err := carom.OpenValue[int64](m, p.Second)
		return Locking(p.Many, func(ctx context.Context, n int) error { return increments(ctx, l, v, n) }), err
	}
}

// Lockers are processes that contend for what p names. Second becomes the name of the
// Value that they increment.
func (e *Env) Lockers(procs int, p Party) (Run, error) {
	v, err := carom.NewValue[int64](e.M, "")
	if _, err := own(e, v, err); err != nil {
		return nil, err
	}
	p.Second = v.Name()
	return e.Cast(Placed(slices.Repeat([]Party{p}, procs)...)...)
}

// Locking is the share of one process of lockers. Its goroutines take from the round as
// they come, so that the unlucky ones show. n times, increment takes the lock,
// increments what it guards, and gives it back.
func Locking(goroutines int, increment func(ctx context.Context, n int) error) Share {
	return func(ctx context.Context, n int) (Finished, error) {
		if goroutines <= 1 {
			return Finished{}, increment(ctx, n)
		}
		var left atomic.Int64
		left.Store(int64(n))
		did := make([]int64, goroutines)
		var all sync.WaitGroup
		var failed atomic.Pointer[error]
		for i := range goroutines {
			all.Go(func() {
				for left.Add(-1) >= 0 {
					if err := increment(ctx, 1); err != nil {
						cause := err // so that err is not on the heap
						failed.Store(&cause)
						return
					}
					did[i]++
				}
			})
		}
		all.Wait()
		if err := failed.Load(); err != nil {
			return Finished{}, *err
		}
		return Finished{Workers: int64(goroutines), Least: slices.Min(did)}, nil
	}
}

func increments(ctx context.Context, l *carom.Lock, v *carom.Value[int64], n int) error {
	for range n {
		if err := l.Lock(ctx); err != nil {
			return err
		}
		v.Store(v.Load() + 1)
		if err := l.Unlock(); err != nil {
			return err
		}
	}
	return nil
}
