package cases

import (
	"context"

	"github.com/carom-ipc/carom"
)

func init() {
	growths = append(growths, Growth{Title: "waiting goroutines", At: powers(1, 4), Open: amongWaiters})
	Roles["waker"] = waker
	Roles["waiters"] = waiters
}

// amongWaiters are round trips between two processes. In the second one, x goroutines
// wait: for what the first one does, which wakes one of them, or, "beside", for something
// that never happens while another one is woken.
func amongWaiters(e *Env, x int) (curves []Curve, err error) {
	for _, kind := range []string{"Semaphore", "Condition", "Queue", "beside"} {
		there, err := newWaited(e, kind)
		if err != nil {
			return nil, err
		}
		back, err := carom.NewSemaphore(e.M, "", 0)
		if _, err := own(e, back, err); err != nil {
			return nil, err
		}
		run, err := e.Cast(Placed(
			Party{Role: "waker", Op: kind, Object: there, Second: back.Name()},
			Party{Role: "waiters", Op: kind, Object: there, Second: back.Name(), Many: x})...)
		if err != nil {
			return nil, err
		}
		name := map[string]string{"Semaphore": "Semaphore.Release", "Condition": "Condition.Notify", "Queue": "Queue.Put", "beside": "Semaphore.Release beside them"}
		curves = append(curves, Curve{name[kind], run})
	}
	return curves, nil
}

func newWaited(e *Env, kind string) (string, error) {
	switch kind {
	case "Condition":
		c, err := carom.NewCondition(e.M, "", nil)
		if _, err := own(e, c, err); err != nil {
			return "", err
		}
		v, err := carom.NewValue[int64](e.M, c.Name()+".turns")
		_, err = own(e, v, err)
		return c.Name(), err
	case "Queue":
		q, err := carom.NewQueue[int64](e.M, "", carom.Cap(Depth(8)))
		_, err = own(e, q, err)
		return q.Name(), err
	}
	s, err := carom.NewSemaphore(e.M, "", 0)
	_, err = own(e, s, err)
	return s.Name(), err
}

// openWaited is a bell for many: of many goroutines that hear, one returns for each
// ring.
func openWaited(m *carom.Manager, kind, name string) (bell, error) {
	switch kind {
	case "Condition":
		c, err := carom.OpenCondition(m, name)
		if err != nil {
			return bell{}, err
		}
		turns, err := carom.OpenValue[int64](m, name+".turns")
		return bell{
			ring: func() error {
				return c.L().Do(context.Background(), func() error { turns.Store(turns.Load() + 1); return c.Notify(1) })
			},
			hear: func(ctx context.Context) error {
				return c.L().Do(ctx, func() error {
					if err := c.WaitFor(ctx, func() bool { return turns.Load() > 0 }); err != nil {
						return err
					}
					turns.Store(turns.Load() - 1)
					return nil
				})
			},
		}, err
	case "Queue":
		q, err := carom.OpenQueue[int64](m, name)
		return bell{
			ring: func() error { return q.Put(context.Background(), 1) },
			hear: func(ctx context.Context) error { _, err := q.Get(ctx); return err },
		}, err
	}
	return openSemaphoreBell(m, name)
}

func waker(_ context.Context, m *carom.Manager, p Party) (Share, error) {
	there, err := openWaited(m, p.Op, p.Object)
	if err != nil {
		return nil, err
	}
	back, err := openSemaphoreBell(m, p.Second)
	return Pinging(p, there.ring, back.hear), err
}

func waiters(ctx context.Context, m *carom.Manager, p Party) (Share, error) {
	there, err := openWaited(m, p.Op, p.Object)
	if err != nil {
		return nil, err
	}
	back, err := openSemaphoreBell(m, p.Second)
	if err != nil {
		return nil, err
	}
	answering := p.Many
	if p.Op == "beside" {
		answering = 1
		never, err := carom.NewEvent(m, p.Object+".never")
		if err != nil {
			return nil, err
		}
		for range p.Many {
			go func() { _ = never.Wait(ctx) }()
		}
	}
	for range answering {
		go func() {
			for there.hear(ctx) == nil && back.ring() == nil {
			}
		}()
	}
	return aside, nil
}
