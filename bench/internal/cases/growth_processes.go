package cases

import (
	"context"

	"github.com/carom-ipc/carom"
)

func init() {
	growths = append(growths, Growth{Title: "attached processes", At: []int{1, 8, 64, 256}, Open: amongProcesses})
}

// bystander is attached and does nothing until the group ends. It says when it is there.
var bystander = carom.NewWorker("bench.bystander", func(ctx context.Context, there string) error {
	m, err := carom.FromEnv(ctx)
	if err != nil {
		return err
	}
	s, err := carom.OpenSemaphore(m, there)
	if err != nil {
		return err
	}
	if err := s.Release(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
})

// passer ends as soon as it is attached.
var passer = carom.NewWorker("bench.passer", func(ctx context.Context, _ int) error {
	_, err := carom.FromEnv(ctx)
	return err
})

func amongProcesses(e *Env, x int) ([]Curve, error) {
	e, err := e.Apart(carom.Options{Memory: 64 << 20})
	if err != nil {
		return nil, err
	}
	if err := bystanders(e, x); err != nil {
		return nil, err
	}
	v, err := carom.NewValue[int64](e.M, "known")
	if _, err := own(e, v, err); err != nil {
		return nil, err
	}
	curves, err := memoryCurves(e, []string{"known"})
	if err != nil {
		return nil, err
	}
	trip, err := bellTrip(e, "Event", awake)
	if err != nil {
		return nil, err
	}
	d, err := filledDict(e, DictEntries)
	if err != nil {
		return nil, err
	}
	get := dictOp(d, "Get", DictKeys(DictEntries))
	return append(curves,
		Curve{"event round trip", trip},
		looped("Dict.Get", func(i int) error { return get(e.Ctx, i) }),
		looped("start and end of a process", func(int) error {
			p, err := passer.Start(e.Ctx, e.M, 0)
			if err != nil {
				return err
			}
			return p.Wait()
		})), nil
}

// bystanders starts n processes, a few at a time.
func bystanders(e *Env, n int) error {
	there, err := carom.NewSemaphore(e.M, "", 0)
	if _, err := own(e, there, err); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(e.Ctx)
	g := carom.NewGroup(ctx, e.M)
	e.OnClose(func() { cancel(); _ = g.Wait() })
	for i := range n {
		bystander.Go(g, there.Name())
		if i%8 == 7 || i == n-1 {
			for range i%8 + 1 {
				if err := there.Acquire(e.Ctx); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
