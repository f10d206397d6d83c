package cases

import (
	"context"
	"reflect"

	"github.com/carom-ipc/carom"
)

// flow is a case of producers and consumers of one object. p says what they have in
// common; their roles are "put" and "get" of its role.
func flow[O object](name string, producers, consumers int, p Party, open func(*carom.Manager) (O, error)) {
	Add(Case{Name: name, Bytes: p.Size, Open: func(e *Env) (Run, error) {
		o, err := open(e.M)
		if _, err := own(e, o, err); err != nil {
			return nil, err
		}
		p := p
		p.Object = o.Name()
		return e.Flow(producers, consumers, p)
	}})
}

// Flow starts producers and consumers. Where there are several, they take from the
// round as they come, so that one that starves shows.
func (e *Env) Flow(producers, consumers int, p Party) (Run, error) {
	put, get := p, p
	put.Role += " put"
	get.Role += " get"
	pools := []*carom.Value[int64]{}
	if producers+consumers > 2 {
		for _, q := range []*Party{&put, &get} {
			v, err := carom.NewValue[int64](e.M, "")
			if v, err = own(e, v, err); err != nil {
				return nil, err
			}
			q.Second = v.Name()
			pools = append(pools, v)
		}
	}
	var list []Party
	for range producers {
		list = append(list, put)
	}
	for range consumers {
		list = append(list, get)
	}
	fill := func(n int) {
		for _, v := range pools {
			v.Store(int64(n))
		}
	}
	fill(producers * consumers) // the first round is Cast's own
	run, err := e.Cast(Placed(list...)...)
	return func(n int) (Result, error) {
		n = (n + producers*consumers - 1) / (producers * consumers) * producers * consumers
		fill(n)
		return run(n)
	}, err
}

// Taking is the share of one who does what it is told, or takes from the pool that
// p.Second names, a few at a time.
func Taking(m *carom.Manager, p Party, do func(ctx context.Context, n int) error) (Share, error) {
	if p.Second == "" {
		return func(ctx context.Context, n int) (Finished, error) { return Finished{}, do(ctx, n) }, nil
	}
	pool, err := carom.OpenValue[int64](m, p.Second)
	if err != nil {
		return nil, err
	}
	few := int64(max(1, min(64, 64<<10/max(p.Size, 1))))
	return func(ctx context.Context, _ int) (f Finished, err error) {
		for {
			left := carom.Add(pool, -few) + few
			if left <= 0 {
				f.Shared = true
				return f, nil
			}
			if err := do(ctx, int(min(few, left))); err != nil {
				return f, err
			}
			f.Did += min(few, left)
		}
	}, nil
}

func sizeOf(v any) int { return int(reflect.TypeOf(v).Size()) }
