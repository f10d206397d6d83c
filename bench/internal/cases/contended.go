package cases

import (
	"context"
	"sync/atomic"

	"github.com/carom-ipc/carom"
)

// Two processes that add to one word, beside what the hardware takes for it.
func init() {
	Add(Case{Name: "ValueAdd/impl=carom/procs=2", Open: func(e *Env) (Run, error) {
		v, err := carom.NewValue[int64](e.M, "")
		if _, err := own(e, v, err); err != nil {
			return nil, err
		}
		p := Party{Role: "value add", Object: v.Name()}
		return e.Cast(Placed(p, p)...)
	}})
	Roles["value add"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		v, err := carom.OpenValue[int64](m, p.Object)
		return func(_ context.Context, n int) (Finished, error) {
			for range n {
				carom.Add(v, 1)
			}
			return Finished{}, nil
		}, err
	}
	Add(Case{Name: "ValueAdd/impl=atomic/procs=2", Open: func(e *Env) (Run, error) {
		a, err := carom.NewArray[int64](e.M, "", lineWords)
		if _, err := own(e, a, err); err != nil {
			return nil, err
		}
		p := Party{Role: "atomic add", Object: a.Name()}
		return e.Cast(Placed(p, p)...)
	}})
	Roles["atomic add"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		a, err := carom.OpenArray[int64](m, p.Object)
		if err != nil {
			return nil, err
		}
		word := &a.Slice()[0]
		return func(_ context.Context, n int) (Finished, error) {
			for range n {
				atomic.AddInt64(word, 1)
			}
			return Finished{}, nil
		}, nil
	}
}
