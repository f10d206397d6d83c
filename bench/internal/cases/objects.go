package cases

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom"
)

// What it takes to make, find and remove objects. Names are made beforehand; what has to
// be there, and what goes again, is outside of the measurement.
func init() {
	inMemory := func(kind string, create, open func(*carom.Manager, string) (object, error)) {
		Add(
			Case{Name: kind + "New/impl=carom", Open: objectCase(nil, create)},
			Case{Name: kind + "Open/impl=carom", Open: objectCase(create, open)},
			Case{Name: kind + "Remove/impl=carom", Open: objectCase(create, func(m *carom.Manager, name string) (object, error) {
				return nil, m.Remove(context.Background(), name)
			})})
	}
	inMemory("Value",
		func(m *carom.Manager, name string) (object, error) { return carom.NewValue[int64](m, name) },
		func(m *carom.Manager, name string) (object, error) { return carom.OpenValue[int64](m, name) })
	inMemory("Lock",
		func(m *carom.Manager, name string) (object, error) { return carom.NewLock(m, name) },
		func(m *carom.Manager, name string) (object, error) { return carom.OpenLock(m, name) })
	inMemory("Queue",
		func(m *carom.Manager, name string) (object, error) { return carom.NewQueue[int64](m, name) },
		func(m *carom.Manager, name string) (object, error) { return carom.OpenQueue[int64](m, name) })
	inMemory("Dict",
		func(m *carom.Manager, name string) (object, error) { return carom.NewDict[string, int](m, name) },
		func(m *carom.Manager, name string) (object, error) { return carom.OpenDict[string, int](m, name) })
}

// objectsAtOnce is how many there are before they go again.
const objectsAtOnce = 10000

// objectCase measures f on a name each. before makes what has to be there; nil: nothing.
func objectCase(before, f func(*carom.Manager, string) (object, error)) func(*Env) (Run, error) {
	return func(e *Env) (Run, error) {
		names := make([]string, objectsAtOnce)
		for i := range names {
			names[i] = fmt.Sprintf("bench/%d", i)
		}
		return func(n int) (all Result, err error) {
			all.Metrics = map[string]float64{}
			for left := n; left > 0; left -= objectsAtOnce {
				names := names[:min(left, objectsAtOnce)]
				r, err := objectsOnce(e, names, before, f)
				if err != nil {
					return all, err
				}
				all.Ops += r.Ops
				all.Elapsed += r.Elapsed
				for unit, v := range r.Metrics {
					all.Metrics[unit] = v
				}
			}
			return all, nil
		}, nil
	}
}

func objectsOnce(e *Env, names []string, before, f func(*carom.Manager, string) (object, error)) (Result, error) {
	held := make([]object, 0, 2*len(names))
	hold := func(make func(*carom.Manager, string) (object, error)) func(int) error {
		return func(int) error {
			for _, name := range names {
				o, err := make(e.M, name)
				if err != nil {
					return err
				}
				if o != nil {
					held = append(held, o)
				}
			}
			return nil
		}
	}
	if before != nil {
		if err := hold(before)(0); err != nil {
			return Result{}, err
		}
	}
	used := e.M.Stats().Used
	r, err := timed(hold(f))(len(names))
	if err != nil {
		return r, err
	}
	if grown := e.M.Stats().Used - used; grown > 0 && len(names) > 100 {
		r.Metrics["arena-B/op"] = float64(grown) / float64(len(names))
	}
	for _, o := range held {
		if err := o.Close(); err != nil {
			return r, err
		}
	}
	for _, name := range names { // those that are left
		if err := e.M.Remove(context.Background(), name); err != nil && !errors.Is(err, carom.ErrNotFound) {
			return r, err
		}
	}
	return r, nil
}
