//go:build carom_sched

package futex

import (
	"context"
	"errors"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/sched"
)

// Two or three processes lock and unlock: one at a time is inside, none sleeps for ever,
// and in the end the lock is as new but for its fence.
func mutexExcludes(s *sched.Schedule) func() {
	p := newStage(s, true)
	m := p.mutex()
	n, rounds := 2+s.Choose(2), 1+s.Choose(3)
	for i := 1; i <= n; i++ {
		s.Go(i, "locker", func() {
			for range rounds {
				recovered, err := m.Lock(context.Background(), p.d[i], Report)
				sched.Must(err)
				expect("recovered", recovered, false)
				p.inside(uint32(i))
				sched.Must(m.Unlock(p.d[i]))
			}
		})
	}
	return func() {
		expect("fence", m.Fence(), n*rounds)
		expect("word", m.word, 0)
	}
}

// parks has goroutines of process 3 parked in the word's bucket for as long as the schedule
// lasts, all of which wait for another word.
func (p *stage) parks(word *uint32) {
	i, _ := p.d[3].bucket(word)
	p.Daemon(3, "hub", func() {
		for seen := uint32(0); ; wait(&p.park[i], seen) {
			seen, _ = flagBucket(&p.park[i], seen)
		}
	})
}

// Of three that lock, one gives up at any time: it has the lock or the context's error,
// and the others go on. In the end nothing is reserved, and TryLock succeeds.
func mutexCancel(s *sched.Schedule) func() {
	p := newStage(s, true)
	m := p.mutex()
	p.parks(&m.word)
	quitters, processes := 1+s.Choose(2), 1+s.Choose(3)
	for i := 1; i <= 3; i++ {
		ctx := context.Background()
		if i <= quitters {
			ctx = p.cancels(i)
		}
		d := p.d[1+i%processes] // with fewer processes, some are goroutines of one
		s.Go(i, "locker", func() {
			for range 2 {
				_, err := m.Lock(ctx, d, Report)
				if err != nil {
					is(err, ctx.Err())
					return
				}
				p.inside(uint32(i))
				sched.Must(m.Unlock(d))
			}
		})
	}
	return func() {
		expect("reserved", m.word&handoff != 0, false)
		_, err := m.TryLock(p.sentry[3], Report)
		sched.Must(err)
		sched.Must(m.Unlock(p.sentry[3]))
	}
}

// TryLock never sleeps, fails only while somebody has the lock or it is reserved, and
// does not get in beside who has it.
func mutexTry(s *sched.Schedule) func() {
	p := newStage(s, true)
	m := p.mutex()
	ctx := context.Background()
	if s.Choose(2) == 0 {
		ctx = p.cancels(2)
	}
	for i := 1; i <= 2; i++ {
		ctx := ctx
		if i == 1 {
			ctx = context.Background()
		}
		s.Go(i, "locker", func() {
			for range 2 {
				if _, err := m.Lock(ctx, p.d[i], Report); err != nil {
					is(err, context.Canceled)
					return
				}
				p.inside(uint32(i))
				sched.Must(m.Unlock(p.d[i]))
			}
		})
	}
	s.Go(3, "trier", func() {
		for range 3 {
			_, err := m.TryLock(p.d[3], Report)
			if err != nil {
				is(err, errs.ErrLocked)
				continue
			}
			p.inside(3)
			sched.Must(m.Unlock(p.d[3]))
		}
	})
	return func() {
		_, err := m.TryLock(p.sentry[3], Report)
		sched.Must(err)
	}
}

// A process dies anywhere. If it had the lock, exactly one of the others takes the lock
// over, after ErrOwnerDied where it asked for that; if not, nobody is told anything. In the
// end TryLock succeeds, also if the lock is reserved for the dead.
func mutexDeath(s *sched.Schedule) func() {
	p := newStage(s, true)
	m := p.mutex()
	p.parks(&m.word)
	held, recoveries := false, 0
	p.mortal(1, func() { held = ID(m.word&idMask) == p.d[1].self },
		func(d *Domain) { m.Release(d, p.d[1].self) })
	s.Go(1, "victim", func() {
		for range 3 {
			_, err := m.Lock(context.Background(), p.d[1], TakeOver)
			sched.Must(err)
			*p.word(0) = 0 // a death inside left it behind
			p.inside(1)
			sched.Must(m.Unlock(p.d[1]))
		}
	})
	mode := Mode(s.Choose(2))
	for i := 2; i <= 3; i++ {
		s.Go(i, "locker", func() {
			for range 2 {
				recovered, err := m.Lock(context.Background(), p.d[i], mode)
				if errors.Is(err, errs.ErrOwnerDied) && mode == Report {
					if !held {
						sched.Failf("ErrOwnerDied, but the dead did not have the lock")
					}
					recovered, err = m.Lock(context.Background(), p.d[i], TakeOver)
				}
				sched.Must(err)
				if recovered {
					recoveries++
					*p.word(0) = 0
				}
				p.inside(uint32(i))
				sched.Must(m.Unlock(p.d[i]))
			}
		})
	}
	return func() {
		recovered, err := m.TryLock(p.sentry[3], TakeOver)
		sched.Must(err)
		if recovered {
			recoveries++
		}
		want := 0
		if held {
			want = 1
		}
		expect("takeovers", recoveries, want)
	}
}

// Once the lock is reserved for one that starved, nobody gets it who has not waited.
func mutexHandoff(s *sched.Schedule) func() {
	p := newStage(s, true)
	m := p.mutex()
	turns := 0 // of process 2
	s.Go(1, "barger", func() {
		reserved, seen := false, 0
		for range 6 {
			slept := p.d[1].slept.Load()
			_, err := m.Lock(context.Background(), p.d[1], Report)
			sched.Must(err)
			if reserved && seen == turns && slept == p.d[1].slept.Load() {
				sched.Failf("barged in before the one that starved")
			}
			p.inside(1)
			reserved, seen = m.word&handoff != 0, turns
			sched.Must(m.Unlock(p.d[1]))
		}
	})
	s.Go(2, "starving", func() {
		for range 2 {
			_, err := m.Lock(context.Background(), p.d[2], Report)
			sched.Must(err)
			turns++
			p.inside(2)
			sched.Must(m.Unlock(p.d[2]))
		}
	})
	return func() { expect("word", m.word, 0) }
}
