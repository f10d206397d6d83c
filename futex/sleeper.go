package futex

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// sleeper is one goroutine's wait on one word, from before its first sleep until
// it has what it waited for or gave up.
type sleeper struct {
	d      *Domain
	ctx    context.Context
	word   *uint32
	record int           // in d.waits; -1: parked with the hub
	bits   uint32        // names it for waitBits
	ended  uint32        // set when ctx ends; a futex word private to this process
	acked  atomic.Uint32 // the sleeper has seen ended
	ending *ending       // nil if ctx cannot end
	vec    [3]waitv
	place  parked // with the hub

	before, after *sleeper // those with the same ending
}

// glance is how often a sleeper looks at its peer's word where it cannot sleep on both
// words at once (before Linux 5.16).
const glance = 5 * time.Millisecond

var sleepers = sync.Pool{New: func() any { return new(sleeper) }}

// startSleep registers the wait. Every return path must call finish.
func (d *Domain) startSleep(ctx context.Context, word *uint32) *sleeper {
	d.arrive()
	s := sleepers.Get().(*sleeper)
	s.d, s.ctx, s.word = d, ctx, word
	s.record = claim(&d.freeWaits)
	if s.record >= 0 {
		s.bits = 1 << (s.record % 31)
		atom.Store64(&d.waits[s.record], d.offset(word))
		d.uses(s.record)
		if ctx.Done() != nil {
			d.endings.enter(ctx, s)
		}
	}
	return s
}

// end ends the sleep.
func (s *sleeper) end() {
	atomic.StoreUint32(&s.ended, 1)
	wakePrivate(&s.ended)
}

// sleep returns when *word is no longer val, when peer (may be nil) is no longer
// peerVal, when the context ends or the time is over (0: none), or for no reason.
func (s *sleeper) sleep(val uint32, peer *uint32, peerVal uint32, limit time.Duration) {
	s.d.slept.Add(1)
	if peer != nil && peerVal == Polled && limit == 0 {
		limit = PollEvery
	}
	switch {
	case s.record < 0:
		s.place.d, s.place.word, s.place.val = s.d, s.word, val
		s.d.hub.park(s.ctx, &s.place, limit)
		return
	case s.ending == nil && peer == nil && limit == 0:
		wait(s.word, val)
		return
	}
	s.vec[0] = sharedWord(s.word, val)
	n := 1
	if peer != nil {
		s.vec[n] = sharedWord(peer, peerVal)
		n++
	}
	if s.ending != nil {
		s.vec[n] = privateWord(&s.ended, 0)
		n++
	}
	if !waitMany(s.vec[:n], limit) && atomic.LoadUint32(&s.ended) == 0 {
		if peer != nil && (limit == 0 || limit > glance) {
			limit = glance
		}
		waitBits(s.word, val, s.bits, limit)
	}
	if peer != nil && atom.Load32(peer) != peerVal {
		s.d.wake(peer, wakeEverybody) // the kernel woke only one of us
	}
}

// err says why the wait must be given up: nil, the context's error or ErrClosed.
func (s *sleeper) err() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if s.d.Closed() {
		return errs.ErrClosed
	}
	return nil
}

// finish ends the wait. The caller must have passed on a wake-up that it may have
// used up (by waking another, or by leaving the word flagged).
func (s *sleeper) finish() {
	s.acked.Store(1)
	d := s.d
	defer d.depart()
	if s.record >= 0 {
		d.usesNoMore(s.record)
		atom.Store64(&d.waits[s.record], 0)
		release(&d.freeWaits, s.record)
	}
	if s.ending != nil && !d.endings.leave(s) {
		return // not for reuse
	}
	*s = sleeper{place: parked{wake: s.place.wake}}
	sleepers.Put(s)
}
