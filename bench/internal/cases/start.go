package cases

import (
	"context"
	"time"

	"github.com/carom-ipc/carom"
)

func init() {
	Add(Case{Name: "Start/impl=carom/procs=2", Open: func(e *Env) (Run, error) {
		return func(n int) (Result, error) {
			r := Result{Ops: n}
			for range n {
				took, err := startAndUse(e.Ctx)
				if err != nil {
					return r, err
				}
				r.Elapsed += took
			}
			return r, nil
		}, nil
	}})
}

// startAndUse is the time from nothing to a first operation in memory and one at the
// coordinator. What Close takes is not in it.
func startAndUse(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	m, err := carom.Start(ctx, &carom.Options{Memory: 16 << 20})
	if err != nil {
		return 0, err
	}
	v, err := carom.NewValue[int64](m, "v")
	if err != nil {
		return 0, err
	}
	carom.Add(v, 1)
	d, err := carom.NewDict[string, int](m, "d")
	if err != nil {
		return 0, err
	}
	if err := d.Set(ctx, "k", 1); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	return took, m.Close()
}
