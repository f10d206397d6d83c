package cases

import (
	"context"
	"errors"
	"time"

	"github.com/carom-ipc/carom"
)

// Cast starts the parties of a case. In a round of n operations, each does n/shares
// of its role, where shares is how many have the same role.
func (e *Env) Cast(parties ...Party) (Run, error) {
	ctx, cancel := context.WithCancelCause(e.Ctx)
	done, err := carom.NewQueue[Finished](e.M, "")
	if _, err := own(e, done, err); err != nil {
		cancel(nil)
		return nil, err
	}
	g := carom.NewGroup(ctx, e.M)
	shares := map[string]int{}
	rounds := make([]*carom.Queue[int64], len(parties))
	for i := range parties {
		p := &parties[i]
		q, err := carom.NewQueue[int64](e.M, "")
		if rounds[i], err = own(e, q, err); err != nil {
			cancel(nil)
			return nil, err
		}
		p.Number, p.Rounds, p.Done = i, rounds[i], done
		shares[p.Role]++
		partyWorker.Go(g, *p)
	}
	ended := make(chan struct{})
	go func() {
		if err := g.Wait(); err != nil {
			cancel(err)
		}
		close(ended)
	}()
	e.OnClose(func() {
		for _, q := range rounds {
			_ = q.CloseWrite()
		}
		select {
		case <-ended:
		case <-time.After(2 * time.Second):
			cancel(errors.New("the case is over"))
			<-ended
		}
		cancel(nil)
	})
	grain := 1
	for _, s := range shares {
		grain *= s
	}
	round := func(n int) (Result, error) {
		n = (n + grain - 1) / grain * grain
		for i, q := range rounds {
			if err := q.Put(ctx, int64(n/shares[parties[i].Role])); err != nil {
				return Result{}, err
			}
		}
		byRole := map[string][]Finished{}
		for range parties {
			f, err := done.Get(ctx)
			if err != nil {
				return Result{}, errors.Join(err, context.Cause(ctx))
			}
			byRole[parties[f.Party].Role] = append(byRole[parties[f.Party].Role], f)
		}
		return together(n, byRole), nil
	}
	_, err = round(grain) // everybody is up and connected
	return round, err
}

// together is a round as a whole: from the first party's start to the last one's end.
func together(n int, byRole map[string][]Finished) Result {
	var begin, end, took int64
	var mallocs uint64
	metrics := map[string]float64{}
	for _, list := range byRole {
		var workers, least, did, fewest int64
		for i, f := range list {
			if f.Aside {
				continue
			}
			mallocs += f.Mallocs
			if begin == 0 || f.Begin < begin {
				begin = f.Begin
			}
			end, took = max(end, f.End), max(took, f.Took)
			for i, unit := range []string{"p50-ns", "p99-ns", "p99.9-ns"} {
				if f.Quantiles[i] != 0 {
					metrics[unit] = max(metrics[unit], float64(f.Quantiles[i]))
				}
			}
			if workers += f.Workers; i == 0 || f.Least < least {
				least = f.Least
			}
			if did += f.Did; i == 0 || f.Did < fewest {
				fewest = f.Did
			}
		}
		if workers > 0 {
			fair(metrics, float64(least)*float64(workers)/float64(n))
		}
		if did > 0 && len(list) > 1 {
			fair(metrics, float64(fewest)*float64(len(list))/float64(did))
		}
	}
	if took == 0 {
		took = end - begin
	}
	metrics["allocs/op"] = allocsPerOp(mallocs, n)
	return Result{Ops: n, Elapsed: time.Duration(took), Metrics: metrics}
}

// fair keeps the worst share of all: the unluckiest's operations by the mean.
func fair(metrics map[string]float64, share float64) {
	if old, ok := metrics["least/mean"]; !ok || share < old {
		metrics["least/mean"] = share
	}
}
