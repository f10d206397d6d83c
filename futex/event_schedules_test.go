//go:build carom_sched

package futex

import (
	"context"

	"github.com/carom-ipc/carom/internal/sched"
)

// Waiters return at the latest when the event is set for the second time, whatever is
// cleared between; one of them may give up.
func eventSetAndClear(s *sched.Schedule) func() {
	p := newStage(s, true)
	e := p.event()
	clears := s.Choose(3)
	for i := 1; i <= 2; i++ {
		ctx := context.Background()
		if i == 1 && s.Choose(2) == 0 {
			ctx = p.cancels(i)
		}
		s.Go(i, "waiter", func() {
			for range 1 + clears {
				is(e.Wait(ctx, p.d[i]), context.Canceled)
			}
		})
	}
	s.Go(3, "setter", func() {
		for range clears {
			e.Set(p.d[3])
			e.Clear()
		}
		e.Set(p.d[3])
	})
	return func() { expect("set", e.IsSet(), true) }
}

// A waiter that was asleep before the event was set and cleared does return: the counter
// has moved.
func eventDeath(s *sched.Schedule) func() {
	p := newStage(s, true)
	e := p.event()
	// What the dead had set is enough; who sweeps sets it otherwise.
	p.mortal(1, nil, func(d *Domain) {
		if !e.IsSet() {
			e.Set(d)
		}
	})
	s.Go(1, "setter", func() { e.Set(p.d[1]) })
	for i := 2; i <= 3; i++ {
		s.Go(i, "waiter", func() { sched.Must(e.Wait(context.Background(), p.d[i])) })
	}
	return func() { expect("set", e.IsSet(), true) }
}
