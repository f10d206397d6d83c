//go:build carom_sched

package shm

import (
	"context"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/sched"
)

// pool is a semaphore of which processes take a unit each and give it back.
type pool struct {
	*stage
	u      [players + 1]*Units
	units  int
	inside int
	held   [players + 1]bool
}

func newPool(s *sched.Schedule, flags uint16) *pool {
	p := &pool{stage: newStage(s), units: 1 + s.Choose(2)}
	o := p.open(SemaphoreSpec(Semaphore, "s", uint32(p.units), flags))
	for i := 1; i <= players; i++ {
		p.u[i] = UnitsOf(o[i])
	}
	return p
}

// use takes a unit and gives it back, some times.
func (p *pool) use(ctx context.Context, i, times int) {
	for range times {
		if !is(p.u[i].Acquire(ctx, true), context.Canceled) {
			return
		}
		p.held[i] = true
		if p.inside++; p.inside > p.units {
			sched.Failf("%d are inside, of %d units", p.inside, p.units)
		}
		_ = p.u[i].Value() // a point of the schedule
		p.inside--
		p.held[i] = false
		sched.Must(p.u[i].Release(1))
	}
}

// Units are never more than there are, none is lost, also if one gives up.
func semaphoreUnits(s *sched.Schedule) func() {
	p := newPool(s, []uint16{0, SemaphorePermits, SemaphoreBounded}[s.Choose(3)])
	ctx := context.Context(background)
	if s.Choose(2) == 0 {
		ctx = p.cancels(1, context.Canceled)
	}
	for i := 1; i <= 2+s.Choose(3); i++ {
		c := context.Context(background)
		if i == 1 {
			c = ctx
		}
		s.Go(i, "user", func() { p.use(c, i, 2) })
	}
	return func() {
		expect("units", p.u[4].Value(), p.units)
		p.sound(4)
	}
}

// Of a plain semaphore, the dead take at most the unit that they hold, and nobody sleeps
// beside a free one.
func semaphoreDeath(s *sched.Schedule) func() {
	p := newPool(s, 0)
	granted := false // what it had been handed and not yet taken is not its own
	p.instant = func() {
		w := p.u[1].w
		for i := range w.top {
			n := w.node(i)
			granted = granted || n.id == uint32(p.a[1].self) && n.state&^nodeAsleep == nodeGranted
		}
	}
	p.mortal(1)
	s.Go(1, "victim", func() { p.use(background, 1, 2) })
	// So that its unit may go: one more than is used.
	sched.Must(p.u[4].Release(1))
	p.units++
	for i := 2; i <= 4; i++ {
		s.Go(i, "user", func() { p.use(background, i, 2) })
	}
	return func() {
		if v := p.u[4].Value(); v != p.units && !(p.Died(1) && !granted && v == p.units-1) {
			sched.Failf("%d units are left of %d", v, p.units)
		}
		p.sound(4)
	}
}

// Permits of the dead come back: with a single one, the others go on, and all are there
// in the end.
func permitsDeath(s *sched.Schedule) func() {
	p := newPool(s, SemaphorePermits)
	victims := []int{1}
	if s.Choose(3) == 0 {
		victims = append(victims, 2)
	}
	p.mortal(victims...)
	for _, i := range victims {
		s.Go(i, "victim", func() {
			for range 2 {
				sched.Must(p.u[i].Acquire(background, true))
				sched.Must(p.u[i].Release(1))
			}
		})
	}
	for i := 3; i <= 4; i++ {
		s.Go(i, "user", func() { p.use(background, i, 2) })
	}
	return func() {
		expect("permits", p.u[4].Value(), p.units)
		p.sound(4)
	}
}

// A process dies with the list in its hands: who takes it over derives what it must, while
// others take units and give them back without the list.
func semaphoreTakeover(s *sched.Schedule) func() {
	p := newPool(s, 0)
	p.mortal(1)
	s.Go(1, "victim", func() {
		for range 4 {
			sched.Must(p.u[1].w.enter(background))
			for range 4 {
				_ = p.u[1].Value() // a point of the schedule
			}
			p.u[1].w.leave()
		}
	})
	for i := 2; i <= 4; i++ {
		s.Go(i, "user", func() { p.use(background, i, 2) })
	}
	return func() {
		expect("units", p.u[4].Value(), p.units)
		p.sound(4)
	}
}

// Permits may be released by another process than the one that holds them, which may die
// meanwhile: each is held or free.
func permitsOfOthers(s *sched.Schedule) func() {
	p := newPool(s, []uint16{SemaphorePermits, SemaphorePermits | SemaphoreBounded}[s.Choose(2)])
	if s.Choose(2) == 0 {
		p.mortal(2)
	}
	taken := 0
	for _, i := range []int{1, 4} {
		s.Go(i, "taker", func() {
			for range p.units {
				if is(p.u[i].Acquire(background, false), errs.ErrLocked) {
					taken++
				}
			}
		})
	}
	for i := 2; i <= 3; i++ {
		s.Go(i, "releaser", func() {
			for range 4 {
				_ = p.u[i].Value() // a point of the schedule
				if taken > 0 {
					taken--
					sched.Must(p.u[i].Release(1))
				}
			}
		})
	}
	return func() {
		expect("permits free and held", p.u[4].Value()+int(p.u[4].w.held), p.units)
		p.sound(4)
	}
}
