//go:build carom_sched

package shm

import (
	"context"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/sched"
)

// newGuestStage is a stage whose slots for guests are free.
func newGuestStage(s *sched.Schedule) *stage {
	p := newStage(s)
	for i := 1; i <= players; i++ {
		for k := uint32(players + 1); k <= places; k++ {
			sched.Must(unlockByte(p.a[i].file, k))
		}
	}
	return p
}

// guest joins one of process i, as with a robust list.
func (p *stage) guest(i int) *Arena {
	g, err := p.a[i].Guest()
	sched.Must(err)
	s := g.slot(g.self.Slot())
	s.mode, s.live = liveRobust, uint32(i)|futexWaiters
	return g
}

// locking is a lock that is taken in turn.
type locking struct {
	*stage
	inside futex.ID
	total  int
}

// use takes the lock, some times, and finds itself alone there and named.
func (p *locking) use(a *Arena, o *Handle, times int) {
	for range times {
		_, err := LockOf(o.Object).Lock(background, a.domain, futex.TakeOver)
		sched.Must(err)
		if p.inside != 0 && a.Alive(p.inside) {
			sched.Failf("%v entered beside %v", a.self, p.inside)
		}
		p.inside = a.self
		id, _ := LockOf(o.Object).Holder()
		expect("the holder", id, a.self)
		expect("inside", p.inside, a.self)
		p.inside = 0
		p.total++
		sched.Must(LockOf(o.Object).Unlock(a.domain))
	}
}

func opens(a *Arena, s Spec) *Handle {
	o, _, err := a.Open(background, s)
	sched.Must(err)
	return o
}

// Guests of two processes, and those processes, exclude each other.
func guestsContend(s *sched.Schedule) func() {
	p := &locking{stage: newGuestStage(s)}
	who := []*Arena{p.guest(1), p.guest(1), p.a[1], p.guest(2), p.a[3]}
	for _, a := range who[:3+s.Choose(3)] {
		o := opens(a, lockSpec)
		i := int(a.process().self.Slot())
		s.Go(i, "locker", func() { p.use(a, o, 2); p.total -= 2 })
	}
	return func() {
		expect("locked beyond the plan", p.total, 0)
		found, err := p.a[4].Check(background, false)
		sched.Must(err)
		expect("the arena", found, []string(nil))
	}
}

var lockSpec = Spec{Name: "l", Kind: Lock, Payload: LockPayload}

// A host dies, and with it its guests, which hold locks and permits or wait for them:
// everybody else goes on, and all slots come back.
func guestsDie(s *sched.Schedule) func() {
	p := &locking{stage: newGuestStage(s)}
	permits := SemaphoreSpec(Semaphore, "s", 1, SemaphorePermits)
	mortals := []*Arena{p.guest(1), p.guest(1), p.a[1]}
	others := []*Arena{p.a[2], p.guest(3)}
	p.mortal(1)
	for _, a := range append(mortals, others...) {
		o, u := opens(a, lockSpec), UnitsOf(opens(a, permits))
		i := int(a.process().self.Slot())
		first := s.Choose(2) == 0
		s.Go(i, "user", func() {
			if first {
				p.use(a, o, 1)
			}
			sched.Must(u.Acquire(background, true))
			sched.Must(u.Release(1))
			p.use(a, o, 1)
		})
	}
	last := UnitsOf(opens(p.a[4], permits))
	return func() {
		expect("permits", last.Value(), 1)
		for _, g := range mortals[:2] {
			if st := identState(g.slot(g.self.Slot()).ident); (st == slotFree) != p.Died(1) {
				sched.Failf("its host died: %t, but slot %v has state %d", p.Died(1), g.self, st)
			}
		}
		p.sound(4)
	}
}

// A guest leaves with a lock and a permit, and with a wait under way, while others of its
// host and of other processes want the same; its host may die meanwhile.
func guestLeaves(s *sched.Schedule) func() {
	p := newGuestStage(s)
	permits := SemaphoreSpec(Semaphore, "s", 1, SemaphorePermits)
	g, h := p.guest(1), p.guest(1)
	held, u := opens(g, lockSpec), UnitsOf(opens(g, permits))
	_, err := LockOf(held.Object).Lock(background, g.domain, futex.Report)
	sched.Must(err)
	sched.Must(u.Acquire(background, true))
	detached, other := lockSpec, lockSpec
	detached.Name, other.Name = "detached", "other"
	o, loose := opens(g, detached), opens(p.a[4], detached)
	_, err = LockOf(o.Object).Lock(background, g.domain, futex.Report)
	sched.Must(err)
	sched.Must(o.Close(context.Background()))
	wanted, mine := opens(g, other), opens(p.a[4], other)
	_, err = LockOf(mine.Object).Lock(background, p.a[4].domain, futex.Report)
	sched.Must(err)
	if s.Choose(2) == 0 {
		p.mortal(1)
	} else {
		p.mortal()
	}
	for range 2 { // one at the gate, one behind
		s.Go(1, "waiter", func() {
			_, err := LockOf(wanted.Object).Lock(background, g.domain, futex.Report)
			is(err, errs.ErrClosed)
		})
	}
	// Another of the process queues at the same gate, for as long as the guest is there.
	ctx := p.NewContext()
	theirs := opens(p.a[1], other)
	s.Go(1, "neighbour", func() {
		_, err := LockOf(theirs.Object).Lock(ctx, p.a[1].domain, futex.Report)
		is(err, context.Canceled)
	})
	s.Go(1, "leaver", func() {
		sched.Must(g.Close(context.Background()))
		ctx.End(context.Canceled)
	})
	s.Go(4, "heir of what the guest detached", func() {
		_, err := LockOf(loose.Object).Lock(background, p.a[4].domain, futex.Report)
		expect("what is said of the lock", err, errs.ErrOwnerDied)
	})
	for _, a := range []*Arena{h, p.a[2], p.a[3]} {
		o, u := opens(a, lockSpec), UnitsOf(opens(a, permits))
		s.Go(int(a.process().self.Slot()), "heir", func() {
			for {
				_, err := LockOf(o.Object).Lock(background, a.domain, futex.Report)
				if err == nil {
					break
				}
				is(err, errs.ErrOwnerDied)
				if _, err = LockOf(o.Object).TryLock(a.domain, futex.TakeOver); err == nil {
					break
				}
			}
			sched.Must(LockOf(o.Object).Unlock(a.domain))
			sched.Must(u.Acquire(background, true))
			sched.Must(u.Release(1))
		})
	}
	return func() {
		sched.Must(LockOf(mine.Object).Unlock(p.a[4].domain))
		if id, _ := LockOf(mine.Object).Holder(); id != 0 {
			sched.Failf("the other lock is held by %v", id)
		}
		expect("permits", UnitsOf(opens(p.a[4], permits)).Value(), 1)
		p.sound(4)
	}
}

// Slots change hands between guests of two processes while a third asks who lives: nobody is
// taken for another.
func guestSlots(s *sched.Schedule) func() {
	p := newGuestStage(s)
	var present [3]futex.ID // of the one that each process has; 0 while that is not certain
	if s.Choose(3) == 0 {
		p.mortal(1)
	} else {
		p.mortal()
	}
	for _, i := range []int{1, 2} {
		s.Go(i, "coming and going", func() {
			for range 2 {
				g := p.guest(i)
				present[i] = g.self
				o := opens(g, lockSpec)
				_, err := LockOf(o.Object).TryLock(g.domain, futex.TakeOver)
				held := is(err, errs.ErrLocked)
				if held {
					id, _ := LockOf(o.Object).Holder()
					expect("the holder", id, g.self)
				}
				present[i] = 0
				sched.Must(g.Close(context.Background()))
				if p.a[i].Alive(g.self) {
					sched.Failf("%v lives, and was closed", g.self)
				}
			}
		})
	}
	s.Go(3, "asking", func() {
		for range 6 {
			id, live := present[1], !p.Died(1)
			if id != 0 && !p.a[3].Alive(id) && present[1] == id && live && !p.Died(1) {
				sched.Failf("%v is taken for dead", id)
			}
			_ = atom.Load32(&p.a[3].head().procTop) // a point of the schedule
		}
	})
	return func() {
		o := opens(p.a[4], lockSpec)
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		_, err := LockOf(o.Object).Lock(ctx, p.a[4].domain, futex.TakeOver)
		sched.Must(err)
		sched.Must(LockOf(o.Object).Unlock(p.a[4].domain))
		for k := uint32(players + 1); k <= places; k++ {
			if st := identState(p.a[4].slot(k).ident); st == slotLive {
				sched.Failf("slot %d is not free", k)
			}
		}
		p.sound(4)
	}
}
