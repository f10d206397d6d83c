package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/carom-ipc/carom"
)

func init() {
	// Names are made beforehand; what is made is removed outside the measurement, in the
	// next round of the same case.
	many := func(name string, before, after func(m *carom.Manager, names []string) error, f func(m *carom.Manager, name string) error) {
		add(Case{Name: name, Open: func(e *Env) (Run, error) {
			return func(n int) (Result, error) {
				names := make([]string, n)
				for i := range names {
					names[i] = fmt.Sprintf("bench/%d", i)
				}
				if err := before(e.M, names); err != nil {
					return Result{}, err
				}
				used := e.M.Stats().Used
				loop := inProcess("", 0, func(*Env) (func(int) error, error) {
					return func(int) error {
						for _, name := range names {
							if err := f(e.M, name); err != nil {
								return err
							}
						}
						return nil
					}, nil
				})
				run, err := loop.Open(e)
				if err != nil {
					return Result{}, err
				}
				r, err := run(n)
				if grown := e.M.Stats().Used - used; grown > 0 {
					r.Metrics["arena-B/op"] = float64(grown) / float64(n)
				}
				if err != nil {
					return r, err
				}
				return r, after(e.M, names)
			}, nil
		}})
	}
	create := func(m *carom.Manager, name string) error {
		v, err := carom.NewValue[int64](m, name)
		if err == nil {
			held = append(held, v)
		}
		return err
	}
	open := func(m *carom.Manager, name string) error {
		v, err := carom.OpenValue[int64](m, name)
		if err == nil {
			held = append(held, v)
		}
		return err
	}
	remove := func(m *carom.Manager, name string) error { return m.Remove(context.Background(), name) }
	nothing := func(*carom.Manager, []string) error { return nil }
	each := func(list ...func(*carom.Manager, string) error) func(*carom.Manager, []string) error {
		return func(m *carom.Manager, names []string) error {
			for _, f := range list {
				for _, name := range names {
					if err := f(m, name); err != nil {
						return err
					}
				}
			}
			return nil
		}
	}
	closeAll := func(*carom.Manager, []string) error {
		for _, v := range held {
			if err := v.Close(); err != nil {
				return err
			}
		}
		held = held[:0]
		return nil
	}
	then := func(list ...func(*carom.Manager, []string) error) func(*carom.Manager, []string) error {
		return func(m *carom.Manager, names []string) error {
			for _, f := range list {
				if err := f(m, names); err != nil {
					return err
				}
			}
			return nil
		}
	}
	many("ValueNew/impl=carom", nothing, then(closeAll, each(remove)), create)
	many("ValueOpen/impl=carom", each(create), then(closeAll, each(remove)), open)
	many("ValueRemove/impl=carom", then(each(create), closeAll), nothing, remove)
	add(Case{Name: "Start/impl=carom/procs=2", Open: func(e *Env) (Run, error) {
		return func(n int) (Result, error) {
			r := Result{Ops: n}
			for range n {
				took, err := startAndUse(e.ctx)
				if err != nil {
					return r, err
				}
				r.Elapsed += took
			}
			return r, nil
		}, nil
	}})
}

var held []*carom.Value[int64]

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
