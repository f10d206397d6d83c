package shm

import (
	"context"
	"errors"
	"math/bits"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// errLingers says that a dead process is not quite gone: its memory is taken back later.
var errLingers = errors.New("a thread of the dead process may still be in a system call")

// sweepAll sweeps every slot whose process is dead, and waits in d. It reports whether there
// is something left to do shortly.
func (a *Arena) sweepAll(d *futex.Domain) (again bool) {
	for i := uint32(1); i <= a.procTop(); i++ {
		s := a.slot(i)
		if identState(atom.Load32(&s.ident)) != slotLive || a.owns(i) {
			continue
		}
		if atom.Load32(&s.live)&futexOwnerDied != 0 || !a.probe(i) {
			if err := a.sweep(d, i); errors.Is(err, errLingers) {
				again = true
			} else if err != nil {
				return again
			}
		}
	}
	return again
}

// sweep takes back everything that the dead process in a slot held, then frees the
// slot. It is idempotent: whoever finds it unfinished does it again. What others may
// be waiting for comes first. Memory comes when the last thread of the dead is gone and
// with it its lock on the slot's byte; errLingers until then. A process that leaves sweeps
// its own slot, and its guests' before: it is alive, and locks that are in its name may be
// the sweep's own.
//
// Whatever the sweep waits for ends when d, the sentry or one below it, is closed; then the
// sweep is not finished, and says so by ErrClosed.
func (a *Arena) sweep(d *futex.Domain, i uint32) error {
	h, s, r := a.head(), a.slot(i), a.record(i)
	if _, err := h.sweep.Lock(context.Background(), d, futex.TakeOver); err != nil {
		return err
	}
	defer h.sweep.Unlock(a.sentry)
	id := atom.Load32(&s.ident)
	leaving := a.owns(i)
	if identState(id) != slotLive || !leaving && atom.Load32(&s.live)&futexOwnerDied == 0 || atom.Load32(&s.ident) != id {
		return nil // somebody else did it
	}
	dead := futex.MakeID(i, identGen(id))
	if !leaving {
		stopBarrier()
		a.sentry.WakeAll(&s.live)
		a.sentry.Recover(r.waits[:], r.wakes[:], a.size)
		// Its watcher's thread may not have gone yet, and would swallow the one wake-up that
		// the kernel has for the death of whom it watched.
		if next := a.after(i); next != 0 && a.hostOf(i) == 0 {
			a.sentry.WakeAll(&a.slot(next).watched)
		}
		h.lock.Release(a.sentry, dead)
	}

	// Locks first, memory after: there may be a million attachments.
	a.attachments(i, func(e uint32) {
		o := a.ref(e)
		if sweep := kinds[o.Kind].Sweep; sweep != nil && a.entry(e).isInUse() && a.intact(e) {
			sweep(a, d, o, dead)
		}
	})
	if d.Closed() { // what waited in vain did not say so
		return errs.ErrClosed
	}
	if !leaving && byteLocked(a.file, i) {
		return errLingers
	}
	if err := a.lockAs(context.Background(), d); err != nil {
		return err
	}
	defer a.unlock()
	a.attachments(i, func(e uint32) {
		atom.And64(a.attachment(i, e), ^uint64(1<<(e%64)))
		n := a.entry(e)
		if n.isLive() && n.kind().goesWithMaker() && n.owner == uint32(dead) {
			a.unlink(e)
		}
		a.reap(e)
	})
	if atom.Load32(&r.inFlight) != 0 {
		a.freeFlights(dead)
	}
	if r.attached != 0 {
		a.discard(attachAt+attachSize*uint64(i), roundUp(uint64(min(r.attached, maxEntries-1))/8+1, page))
	}
	if leaving {
		return nil // the slot is given back when the locks are: see leave and guest.go
	}
	atom.Add32(&h.recoveries, 1)
	atom.Store32(&s.ident, ident(slotFree, dead.Gen()))
	return nil
}

// attachments calls f (may be nil) with each entry that the slot's process has
// attached, and counts them.
func (a *Arena) attachments(i uint32, f func(e uint32)) (n int) {
	top := min(atom.Load32(&a.record(i).attached), maxEntries)
	for e := uint32(0); e < top; e += 64 {
		for w := atom.Load64(a.attachment(i, e)); w != 0; w &= w - 1 {
			n++
			if f != nil {
				f(e + uint32(bits.TrailingZeros64(w)))
			}
		}
	}
	return n
}

// freeFlights frees the blocks that a dead process had taken and not yet given to an
// object. Precondition: the arena's lock is held.
func (a *Arena) freeFlights(dead futex.ID) {
	a.eachBlock(func(off uint64, owner uint32) {
		if owner == uint32(dead) {
			a.free(off)
		}
	})
}

// eachBlock calls f with each block in use. f may free it.
func (a *Arena) eachBlock(f func(off uint64, owner uint32)) {
	for c := uint32(0); c < a.head().chunkTop; {
		d := a.chunk(c)
		n := uint32(1)
		switch d.state & chunkStates {
		case chunkRun:
			n = a.runOf(c)
			f(heapAt+chunkSize*uint64(c), d.owner)
		case chunkSmall:
			class := d.state >> 8 & 0xff
			if class >= numClasses {
				break
			}
			for b := range classBlocks[class] {
				if owner := atom.Load32(a.blockOwner(c, b)); owner != 0 {
					f(a.blockAt(c, class, b), owner)
				}
			}
		}
		c += n
	}
}
