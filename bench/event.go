package bench

import (
	"context"

	"github.com/carom-ipc/carom"
)

func init() {
	add(Case{Name: "EventRoundTrip/impl=carom/procs=2", Open: twoEvents(placed)})
	add(Case{Name: "EventRoundTrip/impl=carom/procs=2/cpus=1", Open: twoEvents(onOneCPU)})
	roles["event ping"] = eventPing
	roles["event pong"] = eventPong
	add(inProcess("EventSetClear/impl=carom", 0, func(e *Env) (func(int) error, error) {
		v, err := carom.NewEvent(e.M, "")
		if _, err := own(e, v, err); err != nil {
			return nil, err
		}
		return func(n int) error {
			for range n {
				if err := v.Set(); err != nil {
					return err
				}
				if err := v.Wait(e.ctx); err != nil {
					return err
				}
				if err := v.Clear(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}))
}

func twoEvents(place func(...party) []party) func(*Env) (Run, error) {
	return func(e *Env) (Run, error) {
		there, err := carom.NewEvent(e.M, "")
		if _, err := own(e, there, err); err != nil {
			return nil, err
		}
		back, err := carom.NewEvent(e.M, "")
		if _, err := own(e, back, err); err != nil {
			return nil, err
		}
		return e.cast(place(
			party{Role: "event ping", Object: there.Name(), Second: back.Name()},
			party{Role: "event pong", Object: there.Name(), Second: back.Name()})...)
	}
}

func bothEvents(m *carom.Manager, p party) (there, back *carom.Event, err error) {
	if there, err = carom.OpenEvent(m, p.Object); err == nil {
		back, err = carom.OpenEvent(m, p.Second)
	}
	return there, back, err
}

func eventPing(_ context.Context, m *carom.Manager, p party) (share, error) {
	there, back, err := bothEvents(m, p)
	return func(ctx context.Context, n int) (finished, error) {
		t := timing(n)
		for range n {
			if err := there.Set(); err != nil {
				return finished{}, err
			}
			if err := awaitAndClear(ctx, back); err != nil {
				return finished{}, err
			}
			t.lap()
		}
		return t.finished(), nil
	}, err
}

func eventPong(_ context.Context, m *carom.Manager, p party) (share, error) {
	there, back, err := bothEvents(m, p)
	return func(ctx context.Context, n int) (finished, error) {
		for range n {
			if err := awaitAndClear(ctx, there); err != nil {
				return finished{}, err
			}
			if err := back.Set(); err != nil {
				return finished{}, err
			}
		}
		return finished{}, nil
	}, err
}

func awaitAndClear(ctx context.Context, e *carom.Event) error {
	if err := e.Wait(ctx); err != nil {
		return err
	}
	return e.Clear()
}
