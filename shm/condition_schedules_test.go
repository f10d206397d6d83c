//go:build carom_sched

package shm

import (
	"context"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/sched"
)

// depot is a count of things under a condition's lock.
type depot struct {
	*stage
	lock [players + 1]*futex.Mutex
	list [players + 1]*Waiters
	have int
	left int // not yet made or not yet taken
}

func newDepot(s *sched.Schedule, total int) *depot {
	p := &depot{stage: newStage(s), left: total}
	o := p.open(ConditionSpec("c", nil))
	for i := 1; i <= players; i++ {
		p.lock[i], p.list[i] = at[futex.Mutex](p.a[i], o[i].Off), WaitersOf(o[i])
	}
	return p
}

func (p *depot) enter(i int) {
	_, err := p.lock[i].Lock(background, p.a[i].domain, futex.TakeOver)
	sched.Must(err)
}

func (p *depot) leave(i int) { sched.Must(p.lock[i].Unlock(p.a[i].domain)) }

// wait is what Condition.Wait of the manager does. The lock is held.
func (p *depot) wait(ctx context.Context, i int) error {
	w, err := p.list[i].Add(background)
	sched.Must(err)
	p.leave(i)
	err = w.Wait(ctx)
	p.enter(i)
	return err
}

func (p *depot) make(i, n int) {
	for range n {
		p.enter(i)
		p.have++
		sched.Must(p.list[i].Notify(background, 1))
		p.leave(i)
	}
}

// take takes until nothing is left, or until ctx ends.
func (p *depot) take(ctx context.Context, i int) {
	p.enter(i)
	defer p.leave(i)
	for p.left > 0 {
		if p.have == 0 {
			if !is(p.wait(ctx, i), context.Canceled) {
				return
			}
			continue
		}
		p.have--
		if p.left--; p.left == 0 {
			sched.Must(p.list[i].Notify(background, 1<<30))
		}
	}
}

// Who waits with the lock given up misses no notification; one that comes together with
// a cancellation is not lost.
func conditionNotifies(s *sched.Schedule) func() {
	p := newDepot(s, 4)
	s.Go(1, "producer", func() { p.make(1, 2) })
	s.Go(2, "producer", func() { p.make(2, 2) })
	ctx := context.Context(background)
	cancelled := s.Choose(2) == 0
	if cancelled {
		ctx = p.cancels(3, context.Canceled)
	}
	s.Go(3, "consumer", func() {
		if !cancelled {
			p.take(ctx, 3)
			return
		}
		// It takes at most one: a notification and no error mean that it has to look.
		p.enter(3)
		if p.have == 0 && p.left > 0 && !is(p.wait(ctx, 3), context.Canceled) {
			p.leave(3)
			return
		}
		if p.have > 0 {
			p.have--
			p.left--
		}
		sched.Must(p.list[3].Notify(background, 1<<30))
		p.leave(3)
	})
	s.Go(4, "consumer", func() { p.take(background, 4) })
	return func() {
		expect("left", p.left, 0)
		p.sound(4)
	}
}

// A notification that reached a waiter which died goes to another.
func conditionDeath(s *sched.Schedule) func() {
	p := newDepot(s, 2)
	p.mortal(3)
	s.Go(1, "producer", func() { p.make(1, 2) })
	s.Go(3, "victim", func() {
		p.enter(3)
		if p.left > 0 {
			_ = p.wait(background, 3)
		}
		sched.Must(p.list[3].Notify(background, 1)) // it takes nothing, and says so
		p.leave(3)
	})
	s.Go(4, "consumer", func() { p.take(background, 4) })
	return func() {
		expect("left", p.left, 0)
		p.sound(4)
	}
}
