//go:build carom_sched

package sched

import (
	"math/rand/v2"
	"slices"
)

// strategy decides who runs.
type strategy struct {
	odds    int   // at random: one access in so many is followed by a choice; 0 by priority
	changes []int // by priority: accesses at which the running thread becomes the least
	least   int
	woken   bool // somebody became runnable, maybe with a higher priority
}

// fair is how many accesses a thread makes at most before the others get a turn,
// because it may be waiting for them without sleeping.
const fair = 400

func chooseStrategy(r *rand.Rand) strategy {
	switch r.IntN(5) {
	case 0:
		return strategy{odds: 2}
	case 1:
		return strategy{odds: 2 + r.IntN(30)}
	}
	var s strategy
	length := 16 << r.IntN(8)
	for range r.IntN(5) {
		s.changes = append(s.changes, 1+r.IntN(length))
	}
	return s
}

func (s *strategy) priority(r *rand.Rand) int { return 1 + r.IntN(1<<20) }

// interrupts reports that t has to give way before its access.
func (s *strategy) interrupts(r *rand.Rand, step int, t *thread) bool {
	t.streak++
	if s.odds > 0 {
		return r.IntN(s.odds) == 0
	}
	if t.streak > fair || slices.Contains(s.changes, step) {
		s.least--
		t.priority = s.least
		return true
	}
	woken := s.woken
	s.woken = false
	return woken
}

func (s *strategy) pick(r *rand.Rand, ready []*thread) *thread {
	if s.odds > 0 {
		return ready[r.IntN(len(ready))]
	}
	return slices.MaxFunc(ready, func(a, b *thread) int { return a.priority - b.priority })
}
