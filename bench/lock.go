package bench

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom"
)

func init() {
	add(inProcess("Lock/impl=carom/procs=1", 0, func(e *Env) (func(int) error, error) {
		l, err := carom.NewLock(e.M, "")
		if _, err := own(e, l, err); err != nil {
			return nil, err
		}
		ctx := e.ctx
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
	add(inProcess("Lock/impl=sync.Mutex/procs=1", 0, func(*Env) (func(int) error, error) {
		l := new(sync.Mutex)
		return func(n int) error {
			for range n {
				l.Lock()
				l.Unlock() //nolint:staticcheck // the pair is what is measured
			}
			return nil
		}, nil
	}))
	for name, many := range map[string]int{"1": 1, "64": 64} {
		add(Case{Name: "Lock/impl=carom/procs=2/goroutines=" + name, Open: func(e *Env) (Run, error) {
			l, err := carom.NewLock(e.M, "")
			if _, err := own(e, l, err); err != nil {
				return nil, err
			}
			v, err := carom.NewValue[int64](e.M, "")
			if _, err := own(e, v, err); err != nil {
				return nil, err
			}
			p := party{Role: "locker", Object: l.Name(), Second: v.Name(), Many: many}
			q := p
			q.CPU = 1
			return e.cast(p, q)
		}})
	}
	roles["locker"] = locker
}

// locker takes a lock, increments what it guards, and gives it back.
func locker(_ context.Context, m *carom.Manager, p party) (share, error) {
	l, err := carom.OpenLock(m, p.Object)
	if err != nil {
		return nil, err
	}
	v, err := carom.OpenValue[int64](m, p.Second)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, n int) (finished, error) {
		if p.Many == 1 {
			return finished{}, increment(ctx, l, v, n)
		}
		// Goroutines share the round, so that the unlucky ones show.
		var left atomic.Int64
		left.Store(int64(n))
		did := make([]int64, p.Many)
		var all sync.WaitGroup
		var failed atomic.Pointer[error]
		for i := range p.Many {
			all.Go(func() {
				for left.Add(-1) >= 0 {
					if err := increment(ctx, l, v, 1); err != nil {
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
			return finished{}, *err
		}
		return finished{Least: max(1, slices.Min(did)*1000*int64(p.Many)/int64(max(n, 1)))}, nil
	}, nil
}

func increment(ctx context.Context, l *carom.Lock, v *carom.Value[int64], n int) error {
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
