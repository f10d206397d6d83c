package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/carom-ipc/carom"
)

// party is one of the processes of a case, as it is told.
type party struct {
	Role   string
	Object string // name of the object, or path, that it works on
	Second string // another one
	Size   int    // of an item
	Many   int    // goroutines, or items a batch
	CPU    int    // to stay on; -1: any
	Rounds *carom.Queue[int64]
	Done   *carom.Queue[finished]
}

// placed are parties on CPUs by turns, where there are no more than two.
func placed(list ...party) []party {
	for i := range list {
		list[i].CPU = i
		if len(list) > 2 {
			list[i].CPU = -1
		}
	}
	return list
}

// onOneCPU are parties that never run at the same time.
func onOneCPU(list ...party) []party { return list }

// finished is what a party says of its round. Times are of the machine's monotonic
// clock.
type finished struct {
	Begin, End int64
	Mallocs    uint64
	Quantiles  [3]int64 // ns: p50, p99, p99.9; 0 where the role does not measure them
	Least      int64    // of several goroutines: the fewest operations of one, in thousandths of the mean
}

// share does n operations of a round.
type share func(ctx context.Context, n int) (finished, error)

// roles by name: each sets its party up and returns what it does in a round.
var roles = map[string]func(ctx context.Context, m *carom.Manager, p party) (share, error){}

var partyWorker = carom.NewWorker("bench.party", func(ctx context.Context, p party) error {
	m, err := carom.FromEnv(ctx)
	if err != nil {
		return err
	}
	if p.CPU >= 0 {
		if err := pinProcess(p.CPU); err != nil {
			return err
		}
	}
	role, ok := roles[p.Role]
	if !ok {
		return fmt.Errorf("no role called %q", p.Role)
	}
	do, err := role(ctx, m, p)
	if err != nil {
		return err
	}
	for n, err := range p.Rounds.All(ctx) {
		if err != nil {
			return err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := monotonic()
		f, err := do(ctx, int(n))
		f.Begin, f.End = begin, monotonic()
		if err != nil {
			return fmt.Errorf("%s: %w", p.Role, err)
		}
		runtime.ReadMemStats(&after)
		f.Mallocs = after.Mallocs - before.Mallocs
		if err := p.Done.Put(ctx, f); err != nil {
			return err
		}
	}
	return nil
})

// cast starts the parties of a case. In a round of n operations, each does n/shares
// of its role, where shares is how many have the same role.
func (e *Env) cast(parties ...party) (Run, error) {
	ctx, cancel := context.WithCancelCause(e.ctx)
	done, err := carom.NewQueue[finished](e.M, "")
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
		p.Rounds, p.Done = rounds[i], done
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
	e.onClose(func() {
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
		all := make([]finished, len(parties))
		for i := range all {
			f, err := done.Get(ctx)
			if err != nil {
				return Result{}, errors.Join(err, context.Cause(ctx))
			}
			all[i] = f
		}
		return together(n, all), nil
	}
	_, err = round(grain) // everybody is up and connected
	return round, err
}

// together is a round as a whole: from the first party's start to the last one's end.
func together(n int, all []finished) Result {
	begin, end, mallocs := all[0].Begin, all[0].End, uint64(0)
	r := Result{Ops: n, Metrics: map[string]float64{}}
	for _, f := range all {
		begin, end, mallocs = min(begin, f.Begin), max(end, f.End), mallocs+f.Mallocs
		for i, unit := range []string{"p50-ns", "p99-ns", "p99.9-ns"} {
			if f.Quantiles[i] != 0 {
				r.Metrics[unit] = max(r.Metrics[unit], float64(f.Quantiles[i]))
			}
		}
		if f.Least != 0 {
			r.Metrics["least/mean"] = float64(f.Least) / 1000
		}
	}
	r.Elapsed = time.Duration(end - begin)
	r.Metrics["allocs/op"] = allocsPerOp(mallocs, n)
	return r
}
