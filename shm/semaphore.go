package shm

import (
	"context"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// Semaphores keep their count in the wait list's word:
//
//	bits 0–30  units that can be taken
//	bit 31     somebody waits, or units are permits: take the slow path
//
// While somebody waits the count is 0: a release hands units to those who wait, first
// come, first served, so nobody starves. Units that are permits are nodes while they are
// held, and the count is total less those (derived).
const (
	semSlow = 1 << 31
	// SemaphoreMax is the greatest value of a semaphore, as Python's SEM_VALUE_MAX.
	SemaphoreMax = 1<<31 - 1

	// Flags of the entry.
	SemaphorePermits = 1 // what a process holds comes back when it dies
	SemaphoreBounded = 2 // never more units than at first
)

// Units is a semaphore in an arena. It is safe for concurrent use.
type Units struct {
	o       *Object
	w       *waiters
	bounded bool
}

// SemaphoreSpec describes a semaphore of n units.
func SemaphoreSpec(kind Kind, name string, n uint32, flags uint16) Spec {
	return Spec{Name: name, Kind: kind, Param: uint64(n), Flags: flags, Payload: waitListPayload,
		Init: func(p []byte) {
			l := freshWaitList(p)
			l.word, l.total = n, n
			if flags&SemaphorePermits != 0 {
				l.word |= semSlow
			}
		}}
}

func semaphoreWaiters(a *Arena, o Ref, d *futex.Domain) *waiters {
	w := waitersOf(a, o, 0, d)
	w.permits = o.Flags&SemaphorePermits != 0
	w.mend = func() {
		if w.permits {
			w.recount()
		} else if w.waiting == 0 {
			w.clearSlow()
		}
	}
	return w
}

func init() {
	for _, k := range []Kind{Semaphore, BoundedSemaphore} {
		waitListOps(k, semaphoreWaiters, sweepUnits)
	}
}

// UnitsOf is the semaphore behind a handle.
func UnitsOf(h *Handle) *Units {
	h.bare.Store(true)
	w := semaphoreWaiters(h.arena, h.Ref, h.arena.domain)
	w.u = h
	return &Units{o: h.Object, w: w, bounded: h.Flags&SemaphoreBounded != 0}
}

// Value is how many units can be taken.
func (u *Units) Value() int { return int(atom.Load32(&u.w.word) &^ semSlow) }

// TryTake takes a unit if that is one access and nobody waits: the part of Acquire that may
// be made without Enter. False says nothing but that Acquire must be called.
func (u *Units) TryTake() bool { return u.tryFast() }

// TryGive is the same for Release.
func (u *Units) TryGive(n uint32) bool {
	w := atom.Load32(&u.w.word)
	return w&semSlow == 0 && uint64(w)+uint64(n) <= u.most() && atom.CAS32(&u.w.word, w, w+n)
}

// Acquire takes one unit. Errors: ErrLocked where wait is false, ErrNoMemory, ErrClosed,
// the context's.
func (u *Units) Acquire(ctx context.Context, wait bool) error {
	for {
		w := atom.Load32(&u.w.word)
		if w&semSlow != 0 || w == 0 {
			return u.acquireSlow(ctx, wait)
		}
		if atom.CAS32(&u.w.word, w, w-1) {
			return nil
		}
	}
}

func (u *Units) acquireSlow(ctx context.Context, wait bool) error {
	l := u.w
	if !u.w.permits && !wait && atom.Load32(&l.word)&^semSlow == 0 {
		return errs.ErrLocked
	}
	key := &l.word
	if !u.w.permits && wait && atom.Load32(key)&semSlow == 0 {
		if l.d.Spin(key, u.tryFast) {
			return nil
		}
		key = nil // already spun; Await must not spin again
	}
	if err := l.begin(ctx); err != nil {
		return err
	}
	for {
		v := atom.Load32(&l.word)
		if n := v &^ semSlow; n > 0 && l.waiting == 0 {
			if u.w.permits {
				err := u.hold(ctx, v)
				l.leave()
				return err
			}
			if atom.CAS32(&l.word, v, v-1) {
				l.leave()
				return nil
			}
			continue
		}
		if !wait {
			l.leave()
			return errs.ErrLocked
		}
		if v&semSlow != 0 || atom.CAS32(&l.word, v, v|semSlow) {
			break
		}
	}
	i, err := l.add(ctx, nodeWaiting)
	if err != nil {
		u.settled()
		l.leave()
		return err
	}
	l.leave()
	state, err := l.await(ctx, i, key)
	switch {
	case state == nodeFree:
		return err
	case state == nodeGranted && u.w.permits: // also if the context ended meanwhile: it is not lost
		atom.Store32(&l.node(i).state, nodeHeld)
		atom.Put32(&l.granted, l.granted-1)
		l.linkHeld(i + 1)
		u.o.pushPermit(i)
		err = nil
	case state == nodeGranted:
		l.remove(i)
		err = nil
	default:
		l.remove(i)
		u.settled()
	}
	l.leave()
	return err
}

// tryFast takes a unit if nobody waits.
func (u *Units) tryFast() bool {
	w := atom.Load32(&u.w.word)
	return w != 0 && w&semSlow == 0 && atom.CAS32(&u.w.word, w, w-1)
}

// hold makes a permit this process's: the node is the commit, the count follows.
func (u *Units) hold(ctx context.Context, v uint32) error {
	i, err := u.w.add(ctx, nodeHeld)
	if err != nil {
		return err
	}
	u.o.pushPermit(i)
	u.w.linkHeld(i + 1)
	atom.Store32(&u.w.word, v-1)
	return nil
}

// settled clears the mark of waiters when the last has gone. The list is entered.
func (u *Units) settled() {
	if !u.w.permits && u.w.waiting == 0 {
		u.w.clearSlow()
	}
}

// clearSlow takes the mark away. Where there is none, others change the count meanwhile.
func (w *waiters) clearSlow() {
	for {
		v := atom.Load32(&w.word)
		if v&semSlow == 0 || atom.CAS32(&w.word, v, v&^semSlow) {
			return
		}
	}
}

// Release gives n units back. ErrOverRelease: more than there were, for a bounded
// semaphore, or than SemaphoreMax; none is given back then.
func (u *Units) Release(n uint32) error { return u.ReleaseContext(context.Background(), n) }

// ReleaseContext is Release that waits for whoever is at work on the semaphore until ctx
// ends. The handle's Close does not end that wait: the unit would be nobody's.
func (u *Units) ReleaseContext(ctx context.Context, n uint32) error {
	for {
		w := atom.Load32(&u.w.word)
		if w&semSlow != 0 {
			return u.releaseSlow(ctx, n)
		}
		if uint64(w)+uint64(n) > u.most() {
			return errs.ErrOverRelease
		}
		if atom.CAS32(&u.w.word, w, w+n) {
			return nil
		}
	}
}

// most is how many units there may be to take.
func (u *Units) most() uint64 {
	if u.bounded {
		return u.o.Param
	}
	return SemaphoreMax
}

func (u *Units) releaseSlow(ctx context.Context, n uint32) error {
	l := u.w
	if err := l.enter(ctx); err != nil {
		return err
	}
	if u.w.permits {
		next, err := u.releasePermits(n)
		l.leaveTo(next)
		return err
	}
	left := uint64(n - min(n, l.waiting)) // what is not handed to those who wait
	if uint64(atom.Load32(&l.word)&^semSlow)+left > u.most() {
		l.leave()
		return errs.ErrOverRelease
	}
	l.leaveTo(l.release(n))
	return nil
}

// release hands units to those who wait, and adds what is left to the count. The list
// is entered, the units are no permits. The last to be woken is left to the caller.
func (w *waiters) release(n uint32) (last futex.Wakeup) {
	for ; n > 0 && w.waiting > 0; n-- {
		last.Wake()
		last = w.settle(nodeGranted, 0)
	}
	for {
		v := atom.Load32(&w.word)
		next := min(uint64(v&^semSlow)+uint64(n), SemaphoreMax)
		if w.waiting > 0 {
			next |= semSlow
		}
		if atom.CAS32(&w.word, v, uint32(next)) {
			return last
		}
	}
}

// releasePermits ends n permits: this process's own, else others'. Beyond those that
// are held, a semaphore that is not bounded grows.
func (u *Units) releasePermits(n uint32) (last futex.Wakeup, err error) {
	l := u.w
	if n > l.held && (u.bounded || uint64(l.total)+uint64(n-l.held) > SemaphoreMax) {
		return last, errs.ErrOverRelease
	}
	for ; n > 0; n-- {
		i, ok := u.o.popPermit(func(i uint32) bool {
			p := l.node(i)
			return p.state == nodeHeld && p.id == uint32(l.a.self)
		})
		if first := l.phase; !ok && first != 0 {
			i, ok = first-1, l.node(first-1).state == nodeHeld
		}
		if !ok {
			atom.Store32(&l.total, l.total+n)
			break
		}
		l.remove(i)
	}
	return l.handOut(), nil
}

// handOut gives free permits to those who wait, and sets the count. The last to be woken
// is left to the caller.
func (w *waiters) handOut() (last futex.Wakeup) {
	for w.waiting > 0 && w.held+w.granted < w.total {
		last.Wake()
		last = w.settle(nodeGranted, 0)
		atom.Put32(&w.granted, w.granted+1)
	}
	atom.Store32(&w.word, w.total-min(w.held+w.granted, w.total)|semSlow)
	return last
}

// recount derives from the nodes how many permits were granted, and hands out.
func (w *waiters) recount() {
	granted := uint32(0)
	w.each(func(_ uint32, n *node) {
		if n.state&^nodeAsleep == nodeGranted {
			granted++
		}
	})
	atom.Put32(&w.granted, granted)
	w.handOut().Wake()
}

// sweepUnits removes a dead process's nodes: its permits come back, and a unit that it
// was handed and did not wake up for goes to the next.
func sweepUnits(w *waiters, dead futex.ID) {
	if w.permits {
		w.bequeath(dead, func() {})
		w.recount()
	} else {
		w.bequeath(dead, func() { w.release(1).Wake() })
	}
}
