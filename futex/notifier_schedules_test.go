//go:build carom_sched

package futex

import (
	"context"
	"errors"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/sched"
)

// goods are things that producers make and consumers take, with a notifier between. Who
// was told of more than it takes tells another.
type goods struct {
	*stage
	n          *Notifier
	have, left *uint32 // to take; not yet made or not yet taken
}

func newGoods(s *sched.Schedule, total uint32) *goods {
	p := newStage(s, true)
	g := &goods{stage: p, n: p.notifier(), have: p.word(1), left: p.word(2)}
	*g.left = total
	return g
}

func (g *goods) over() bool { return atom.Load32(g.left) == 0 }

func (g *goods) produce(d *Domain) {
	atom.Add32(g.have, 1)
	g.n.Notify(d)
}

// consume takes until nothing is left.
func (g *goods) consume(ctx context.Context, d *Domain) error {
	for {
		if v := atom.Load32(g.have); v > 0 {
			if !atom.CAS32(g.have, v, v-1) {
				continue
			}
			if atom.Add32(g.left, ^uint32(0)) == 0 {
				g.n.NotifyAll(d)
			}
			if v > 1 {
				g.n.Notify(d)
			}
			continue
		}
		if g.over() {
			return nil
		}
		if err := g.n.Wait(ctx, d, func() bool { return atom.Load32(g.have) > 0 || g.over() }); err != nil {
			return err
		}
	}
}

// Everything that is made is taken, also if one consumer gives up.
func notifierPasses(s *sched.Schedule) func() {
	each := 1 + s.Choose(3)
	makers := 1 + s.Choose(2)
	g := newGoods(s, uint32(each*makers))
	for i := range makers {
		s.Go(3, "producer", func() {
			for range each {
				g.produce([]*Domain{g.d[3], g.sentry[3]}[i])
			}
		})
	}
	for i := 1; i <= 2; i++ {
		ctx := context.Background()
		if i == 1 && s.Choose(2) == 0 {
			ctx = g.cancels(i)
		}
		s.Go(i, "consumer", func() { is(g.consume(ctx, g.d[i]), context.Canceled) })
	}
	return func() { expect("left", *g.left, 0) }
}

// A consumer dies: what it was told of is another's.
func notifierDeath(s *sched.Schedule) func() {
	g := newGoods(s, 3)
	left := false
	g.mortal(1, nil, func(d *Domain) {
		left = true
		g.n.NotifyAll(d)
	})
	s.Go(1, "victim", func() { _ = g.consume(context.Background(), g.d[1]) })
	s.Go(2, "consumer", func() {
		// The victim may have died between taking one and saying so.
		over := func() bool { return g.over() || left && atom.Load32(g.left) == 1 }
		for !over() {
			v := atom.Load32(g.have)
			if v == 0 {
				sched.Must(g.n.Wait(context.Background(), g.d[2], func() bool { return atom.Load32(g.have) > 0 || over() }))
			} else if atom.CAS32(g.have, v, v-1) {
				if atom.Add32(g.left, ^uint32(0)) == 0 {
					g.n.NotifyAll(g.d[2])
				}
			}
		}
	})
	s.Go(3, "producer", func() {
		for range 3 {
			g.produce(g.d[3])
		}
	})
	return func() {
		if *g.left > 1 || *g.left == 1 && !g.Died(1) {
			sched.Failf("%d were not taken", *g.left)
		}
	}
}

// A word that is set reaches the one who waits for it, unless that one has given up; the
// death of who sets it is made good by the sweep.
func awaitSignal(s *sched.Schedule) func() {
	p := newStage(s, true)
	w := p.word(3)
	ctx := context.Background()
	if s.Choose(3) == 0 {
		ctx = p.cancels(2)
	}
	if s.Choose(2) == 0 {
		p.mortal(1, nil, func(d *Domain) {
			if atom.Load32(w)&^asleep == 0 {
				d.Set(w, 1).Wake()
			}
		})
	}
	s.Go(1, "signaller", func() { p.d[1].Set(w, 1).Wake() })
	s.Go(2, "waiter", func() {
		err := p.d[2].Await(ctx, w, 0, w)
		if err != nil && !errors.Is(err, context.Canceled) {
			sched.Must(err)
		}
		if err == nil {
			expect("word", *w&^asleep, 1)
		}
	})
	return nil
}
