package futex

import (
	"sync/atomic"
	"time"
)

// Longest spins, about what a block and a wake-up cost where it matters: a lock is
// given back soon or not at all, a message is worth waiting for.
const (
	lockSpin    = 5 * time.Microsecond
	messageSpin = 20 * time.Microsecond
	spinBatch   = 2 // pauses between two looks
)

// spinner decides how long to look before sleeping. The limit is learned for each
// class of wait, as PostgreSQL's spins_per_delay is: it grows when looking sufficed and
// decays when it did not.
type spinner struct {
	busy    atomic.Bool // one goroutine of a process spins for locks at a time
	lock    atomic.Int32
	message atomic.Int32
}

// try looks until ready reports true or the learned limit is reached. How long it took is
// no lesson: looking ends with it anyway, and an answer that usually comes at once is the
// one that is worth waiting out an interruption for.
func (s *spinner) try(limit *atomic.Int32, longest time.Duration, ready func() bool) bool {
	most := looks() * int32(longest/time.Microsecond)
	if most == 0 {
		return false
	}
	learned := limit.Load()
	for range max(looks(), min(most, learned)) {
		if ready() {
			limit.Store(learned + (most-learned+7)/8)
			return true
		}
		pause(spinBatch)
	}
	limit.Store(learned - learned/16)
	return false
}

// Spin looks until ready reports true, for about as long as a message is worth waiting for
// awake.
func (d *Domain) Spin(ready func() bool) bool {
	return d.spin.try(&d.spin.message, messageSpin, ready)
}
