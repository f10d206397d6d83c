package cases

import (
	"context"
	"slices"
	"sync/atomic"
)

// Call is one call of a client: the i-th of a goroutine.
type Call func(ctx context.Context, i int) error

// Clients starts a crowd of processes of one role, and servers beside them.
func (e *Env) Clients(crowd [2]int, p Party, servers ...Party) (Run, error) {
	p.Many = crowd[1]
	return e.Cast(Anywhere(append(slices.Repeat([]Party{p}, crowd[0]), servers...)...)...)
}

// Calling is the share of a client: p.Many goroutines divide the calls, each with what
// caller makes for it. A single one times each call, unless a call is many operations.
func Calling(p Party, caller func(goroutine int) Call) Share {
	step := 1
	if p.Op == "GetMany" || p.Op == "Update" {
		step = ManyKeys
	}
	calls := make([]Call, p.Many)
	for i := range calls {
		calls[i] = caller(i)
	}
	return func(ctx context.Context, n int) (Finished, error) {
		if p.Many > 1 {
			var next atomic.Int64
			return Finished{}, Spread(p.Many, n, func(n int) error {
				call := calls[next.Add(1)-1]
				for i := 0; i < n; i += step {
					if err := call(ctx, i); err != nil {
						return err
					}
				}
				return nil
			})
		}
		t := Timing(n)
		for i := 0; i < n; i += step {
			if err := calls[0](ctx, i); err != nil {
				return Finished{}, err
			}
			t.Lap()
		}
		if step > 1 {
			return Finished{}, nil
		}
		return t.Finished(), nil
	}
}
