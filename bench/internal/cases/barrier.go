package cases

import (
	"context"
	"fmt"
	"slices"

	"github.com/carom-ipc/carom"
)

// An operation is a round: everybody came and everybody went. All parties do all rounds,
// so each has a role of its own.
func init() {
	for _, procs := range []int{2, 4} {
		Add(Case{Name: fmt.Sprintf("BarrierRound/impl=carom/procs=%d", procs), Open: barrierRound(procs, Placed)})
	}
	Add(Case{Name: "BarrierRound/impl=carom/procs=2/cpus=1", Open: barrierRound(2, OnOneCPU)})
	for i := range 4 {
		Roles[fmt.Sprintf("barrier %d", i)] = barrier
	}
}

func barrierRound(procs int, place func(...Party) []Party) func(*Env) (Run, error) {
	return func(e *Env) (Run, error) {
		b, err := carom.NewBarrier(e.M, "", procs)
		if _, err := own(e, b, err); err != nil {
			return nil, err
		}
		list := slices.Repeat([]Party{{Object: b.Name()}}, procs)
		for i := range list {
			list[i].Role = fmt.Sprintf("barrier %d", i)
		}
		return e.Cast(place(list...)...)
	}
}

func barrier(_ context.Context, m *carom.Manager, p Party) (Share, error) {
	b, err := carom.OpenBarrier(m, p.Object)
	return func(ctx context.Context, n int) (Finished, error) {
		t := Timing(n)
		for range n {
			if _, err := b.Wait(ctx); err != nil {
				return Finished{}, err
			}
			t.Lap()
		}
		return t.Finished(), nil
	}, err
}
