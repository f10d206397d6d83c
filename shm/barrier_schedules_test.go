//go:build carom_sched

package shm

import (
	"context"
	"errors"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/sched"
)

type meeting struct {
	*stage
	b       [players + 1]*Rendezvous
	parties int
	rounds  int
	indexes [][]int // of each round
	acted   int
}

func newMeeting(s *sched.Schedule, parties int) *meeting {
	p := &meeting{stage: newStage(s), parties: parties, rounds: 2}
	p.indexes = make([][]int, p.rounds)
	o := p.open(BarrierSpec("b", uint32(p.parties)))
	for i := 1; i <= players; i++ {
		p.b[i] = RendezvousOf(o[i])
	}
	return p
}

func (p *meeting) action() error { p.acted++; return nil }

// All parties meet in every round, each has its own index, and one runs the action before
// the others go on.
func barrierRounds(s *sched.Schedule) func() {
	p := newMeeting(s, 2+s.Choose(2))
	act := p.action
	withAction := s.Choose(2) == 0
	if !withAction {
		act = nil
	}
	for i := 1; i <= p.parties; i++ {
		s.Go(i, "party", func() {
			for r := range p.rounds {
				n, err := p.b[i].Wait(background, act)
				sched.Must(err)
				if withAction && p.acted <= r {
					sched.Failf("released from round %d after %d actions", r, p.acted)
				}
				p.indexes[r] = append(p.indexes[r], n)
			}
		})
	}
	return func() {
		for _, in := range p.indexes {
			seen := make([]bool, p.parties)
			for _, n := range in {
				if n < 0 || n >= p.parties || seen[n] {
					sched.Failf("arrivals %v", in)
				}
				seen[n] = true
			}
		}
		if withAction {
			expect("actions", p.acted, p.rounds)
		}
		p.sound(4)
	}
}

// A party that dies in Wait, or while it runs the action, breaks the barrier; nobody waits
// for it for ever.
func barrierDeath(s *sched.Schedule) func() {
	p := newMeeting(s, 3)
	var act func() error
	if s.Choose(2) == 0 {
		act = p.action
	}
	w, self := p.b[1].w, uint32(p.a[1].self)
	arrived := false
	p.instant = func() {
		arrived = w.word == barrierActing && w.phase == self
		for i := range w.top {
			n := w.node(i)
			state := n.state &^ nodeAsleep
			arrived = arrived || n.id == self && (state == nodeWaiting || state == nodeGranted)
		}
	}
	p.after = func() { // one that had not arrived breaks nothing
		if !arrived {
			sched.Must(p.b[4].Abort())
		}
	}
	p.mortal(1)
	s.Go(1, "victim", func() {
		for range p.rounds {
			_, _ = p.b[1].Wait(background, act)
		}
	})
	for i := 2; i <= 3; i++ {
		s.Go(i, "party", func() {
			for range p.rounds {
				if _, err := p.b[i].Wait(background, act); !is(err, errs.ErrBroken) {
					if !p.Died(1) {
						sched.Failf("broken, and nobody died")
					}
					return
				}
			}
		})
	}
	return func() { p.sound(4) }
}

// Who aborts the barrier and dies in the middle has told everybody, or nobody.
func barrierAbortDeath(s *sched.Schedule) func() {
	p := newMeeting(s, 2+s.Choose(2))
	var act func() error
	if s.Choose(2) == 0 {
		act = p.action
	}
	p.after = func() {
		if !p.b[4].Broken() {
			sched.Must(p.b[4].Abort())
		}
	}
	p.mortal(1)
	s.Go(1, "victim", func() { sched.Must(p.b[1].Abort()) })
	for i := 2; i <= 4; i++ { // with two parties, one comes late
		s.Go(i, "party", func() {
			for range 3 {
				if _, err := p.b[i].Wait(background, act); !is(err, errs.ErrBroken) {
					return
				}
			}
		})
	}
	return func() { p.sound(4) }
}

// A deadline breaks the barrier for all, a cancellation takes out who was cancelled.
func barrierCancel(s *sched.Schedule) func() {
	p := newMeeting(s, 2)
	why := []error{context.Canceled, context.DeadlineExceeded}[s.Choose(2)]
	ctx := p.cancels(1, why)
	met := make([]bool, 4)
	s.Go(1, "quitter", func() {
		_, err := p.b[1].Wait(ctx, nil)
		met[1] = is(err, why, errs.ErrBroken)
		if why == context.DeadlineExceeded && err != nil && errors.Is(err, why) && !errors.Is(err, errs.ErrBroken) && p.b[1].Broken() {
			sched.Failf("a deadline broke the barrier and does not say so")
		}
		if !met[1] && !p.b[1].Broken() { // somebody else in its place
			_, err := p.b[3].Wait(background, nil)
			met[1] = is(err, errs.ErrBroken)
		}
	})
	s.Go(2, "party", func() {
		_, err := p.b[2].Wait(background, nil)
		met[2] = is(err, errs.ErrBroken)
	})
	return func() {
		expect("met", met[2], met[1])
		if !met[1] && why == context.Canceled {
			sched.Failf("a cancellation broke the barrier")
		}
		p.sound(4)
	}
}

// The barrier is broken at any time. Parties that recover together meet in every round.
func barrierRecovers(s *sched.Schedule) func() {
	p := newMeeting(s, 2+s.Choose(2))
	breaks := 1 + s.Choose(2)
	for i := 1; i <= p.parties; i++ {
		s.Go(i, "party", func() {
			for met := 0; met < p.rounds; {
				switch n, err := p.b[i].Wait(background, nil); {
				case err == nil:
					p.indexes[met] = append(p.indexes[met], n)
					met++
				case errors.Is(err, errs.ErrBroken):
					sched.Must(p.b[i].Recover(background))
				default:
					sched.Must(err)
				}
			}
		})
	}
	s.Go(1, "breaker", func() {
		for range breaks {
			sched.Must(p.b[1].Abort())
			sched.Must(p.b[2].Reset())
			sched.Must(p.b[1].Abort())
		}
	})
	return func() {
		for _, in := range p.indexes {
			expect("met", len(in), p.parties)
		}
		p.sound(4)
	}
}

// One of three that recover a barrier for two dies anywhere in that. The others recover and
// meet, however often its death breaks the barrier again.
func barrierRecoverDeath(s *sched.Schedule) func() {
	p := newMeeting(s, 2)
	sched.Must(p.b[4].Abort())
	p.mortal(1)
	s.Go(1, "victim", func() { sched.Must(p.b[1].Recover(background)) })
	for i := 2; i <= 3; i++ {
		s.Go(i, "party", func() {
			for {
				sched.Must(p.b[i].Recover(background))
				if _, err := p.b[i].Wait(background, nil); is(err, errs.ErrBroken) {
					return
				}
			}
		})
	}
	return func() { p.sound(4) }
}
