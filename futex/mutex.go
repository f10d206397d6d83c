package futex

import (
	"context"
	"time"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// Mutex is a robust lock, after the three-state futex mutex of Drepper ("Futexes
// Are Tricky", 2011) with the owner's name in the word.
//
//	offset | width | field | who writes            | bits
//	0      | 4     | word  | lockers, unlockers    | 0–28 owner's ID, 0 free; 29 handoff;
//	       |       |       |                       | 30 died; 31 waiters
//	4      | 4     | users | see package shm       | free for whoever embeds the mutex
//	8      | 8     | fence | the owner             | number of acquisitions
//
// What the bits mean, and what happens if the writer dies right after:
//
//   - owner: dead owners are found by whoever locks or waits, and by the sweep, which
//     turn the word into died.
//   - died: the owner died; no owner is named. Lock answers ErrOwnerDied until
//     Recover takes the lock or Unlock clears the state.
//   - waiters: somebody may sleep on the word: Unlock wakes one. Who was woken takes
//     the lock with the bit set, because others may be asleep.
//   - handoff: a sleeper starved for handoffAfter. When the word is free but for this
//     bit, only those who have waited that long may take it; the bit goes with that, and
//     when one of them gives up. If the one that starved dies, the next sleeper waits no
//     longer than handoffAfter, and TryLock takes the word if nobody sleeps on it.
type Mutex struct {
	word  uint32
	users uint32
	fence uint64
}

const (
	waiters = 1 << 31
	died    = 1 << 30
	handoff = 1 << 29

	handoffAfter = 200 * time.Microsecond
)

// Mode says what a locker does with a lock whose owner died.
type Mode uint8

const (
	// Report answers ErrOwnerDied without the lock.
	Report Mode = iota
	// TakeOver acquires it.
	TakeOver
)

// Lock acquires m. It reports whether m was taken over from a dead owner, which
// only TakeOver does. Errors: ErrOwnerDied, ErrClosed, the context's.
func (m *Mutex) Lock(ctx context.Context, d *Domain, mode Mode) (recovered bool, err error) {
	if m.TryOwn(d) {
		return false, nil
	}
	return m.lockSlow(ctx, d, mode)
}

// TryOwn is Lock's fast path, for those who inline it: false says nothing but that Lock
// must be called.
func (m *Mutex) TryOwn(d *Domain) bool {
	if !atom.CAS32(&m.word, 0, uint32(d.self)) {
		return false
	}
	atom.Put64(&m.fence, m.fence+1)
	return true
}

// TryLock is Lock without waiting: ErrLocked if somebody alive holds m.
func (m *Mutex) TryLock(d *Domain, mode Mode) (recovered bool, err error) {
	for {
		w := atom.Load32(&m.word)
		switch got, recovered, err := m.acquire(d, w, mode, 0); {
		case got || err != nil:
			return recovered, err
		case w&idMask == 0 && w&handoff == 0:
			continue // lost a race for a free word
		case w&idMask == 0:
			// Reserved; but the waiter that starved may have died since. Only sleepers on the
			// word itself count: those parked in its bucket may wait for any other word.
			woken := wake(&m.word, wakeEverybody)
			d.ring(&m.word)
			if woken > 0 {
				return false, errs.ErrLocked
			}
			if got, recovered, err := m.acquire(d, w, mode, handoff); got || err != nil {
				return recovered, err
			}
			continue
		}
		if _, _, alive := d.peers.Liveness(ID(w & idMask)); alive {
			return false, errs.ErrLocked
		}
		m.bury(d, w)
	}
}

// acquire tries to take m, given that its word was w. keep are flags that the word
// must have afterwards; entitled waiters pass handoff in it, for the word to lose it.
func (m *Mutex) acquire(d *Domain, w uint32, mode Mode, keep uint32) (got, recovered bool, err error) {
	switch {
	case w&died != 0 && mode == Report:
		return false, false, errs.ErrOwnerDied
	case w&idMask != 0, w&handoff != 0 && keep&handoff == 0:
		return false, false, nil
	}
	if !atom.CAS32(&m.word, w, uint32(d.self)|(w|keep)&waiters) {
		return false, false, nil
	}
	atom.Put64(&m.fence, m.fence+1)
	return true, w&died != 0, nil
}

// bury turns the word of a dead owner into died and wakes everybody.
func (m *Mutex) bury(d *Domain, w uint32) bool {
	if w&waiters == 0 {
		return atom.CAS32(&m.word, w, died)
	}
	i := d.beginWake(&m.word)
	defer d.endWake(i)
	if !atom.CAS32(&m.word, w, died) {
		return false
	}
	d.wake(&m.word, wakeEverybody)
	return true
}

func (m *Mutex) lockSlow(ctx context.Context, d *Domain, mode Mode) (recovered bool, err error) {
	if d.spin.busy.CompareAndSwap(false, true) {
		got := false
		d.spinForLock(&m.word, func() bool {
			w := atom.Load32(&m.word)
			if w&idMask == 0 {
				got, recovered, err = m.acquire(d, w, mode, 0)
			}
			return got || err != nil || w&handoff != 0
		})
		d.spin.busy.Store(false)
		if got || err != nil {
			return recovered, err
		}
	}
	if err := d.enter(ctx, &m.word); err != nil {
		return false, err
	}
	defer d.gates.leave(&m.word)
	w := atom.Load32(&m.word)
	if got, recovered, err := m.acquire(d, w, mode, 0); got || err != nil {
		return recovered, err
	}
	return m.lockAsleep(ctx, d, mode)
}

func (m *Mutex) lockAsleep(ctx context.Context, d *Domain, mode Mode) (recovered bool, err error) {
	s := d.startSleep(ctx, &m.word)
	defer s.finish()
	start := now()
	keep, slept := uint32(0), false
	for {
		w := atom.Load32(&m.word)
		got, recovered, err := m.acquire(d, w, mode, keep)
		if got {
			return recovered, nil
		}
		if err == nil {
			err = s.err()
		}
		if err != nil { // ErrOwnerDied too: the dead's word may have said nothing of the others
			m.passOn(d)
			return false, err
		}
		keep |= waiters // others may sleep: from now on the word must say so
		if now().Sub(start) >= handoffAfter {
			keep |= handoff
		}
		var peer *uint32
		var peerVal uint32
		limit := time.Duration(0)
		switch {
		case w&idMask != 0:
			var alive bool
			if peer, peerVal, alive = d.peers.Liveness(ID(w & idMask)); !alive {
				m.bury(d, w)
				continue
			}
			if d.poll {
				limit = PollEvery
			}
		case w&handoff == 0:
			continue // free: lost a race for it
		default:
			limit = handoffAfter // reserved for a waiter who may have died or given up
		}
		if w|keep != w && !atom.CAS32(&m.word, w, w|keep) {
			continue
		}
		// The owner is about to find that the lock is reserved: better to be awake then, as
		// waking takes longer than many a turn of the others'.
		if slept && keep&handoff != 0 && d.spinForLock(&m.word, func() bool { return atom.Load32(&m.word)&idMask == 0 }) {
			continue
		}
		s.sleep(w|keep, peer, peerVal, limit)
		slept = true
	}
}

// passOn is for a caller that leaves without m. If m is free, it wakes the other sleepers, as
// the caller may have used up the wake-up that Unlock sent. If somebody barged in since, the
// word has to say again that others may sleep. A reservation goes, as it may have been the
// caller's: any other that starved is woken, and reserves m again before it sleeps.
func (m *Mutex) passOn(d *Domain) {
	for {
		w := atom.Load32(&m.word)
		switch {
		case w&handoff != 0:
			if m.unreserve(d, w) {
				return
			}
		case w&idMask == 0:
			d.wake(&m.word, wakeEverybody)
			return
		case w&waiters != 0 || atom.CAS32(&m.word, w, w|waiters):
			return
		}
	}
}

// unreserve takes the reservation out of the word, which is w, and wakes everybody.
func (m *Mutex) unreserve(d *Domain, w uint32) bool {
	i := d.beginWake(&m.word)
	defer d.endWake(i)
	without := w &^ handoff
	if w&idMask == 0 {
		without = 0 // a waiter that sleeps again sets the mark again
	}
	if !atom.CAS32(&m.word, w, without) {
		return false
	}
	d.wake(&m.word, wakeEverybody)
	return true
}

// Unlock releases m, whoever holds it, and clears died. ErrNotLocked if m is free.
func (m *Mutex) Unlock(d *Domain) error {
	if m.TryDisown(d) {
		return nil
	}
	return m.unlockSlow(d)
}

// TryDisown is Unlock's fast path, as TryOwn is Lock's.
func (m *Mutex) TryDisown(d *Domain) bool { return atom.CAS32(&m.word, uint32(d.self), 0) }

func (m *Mutex) unlockSlow(d *Domain) error {
	for {
		w := atom.Load32(&m.word)
		switch {
		case w&(idMask|died) == 0:
			return errs.ErrNotLocked
		case w&waiters == 0:
			if atom.CAS32(&m.word, w, 0) {
				return nil
			}
			continue
		}
		if m.unlockWaking(d, w) {
			return nil
		}
	}
}

func (m *Mutex) unlockWaking(d *Domain, w uint32) bool {
	i := d.beginWake(&m.word)
	defer d.endWake(i)
	if w&handoff != 0 {
		if !atom.CAS32(&m.word, w, handoff|waiters) {
			return false
		}
		d.wake(&m.word, wakeEverybody) // the one who starved is among them
		return true
	}
	if !atom.CAS32(&m.word, w, 0) {
		return false
	}
	d.wake(&m.word, 1)
	return true
}

// Fence is the number of acquisitions so far; it grows with each.
func (m *Mutex) Fence() uint64 { return atom.Load64(&m.fence) }

// Holder names who holds m (0: nobody), and whether the last owner died.
func (m *Mutex) Holder() (owner ID, ownerDied bool) {
	w := atom.Load32(&m.word)
	return ID(w & idMask), w&died != 0
}

// Release is the sweep's: if dead holds m, it turns m to died and wakes everybody.
func (m *Mutex) Release(d *Domain, dead ID) {
	for {
		w := atom.Load32(&m.word)
		if ID(w&idMask) != dead || m.bury(d, w) {
			return
		}
	}
}
