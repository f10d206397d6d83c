package shm

import (
	"context"
	"errors"
	"math/bits"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

// errLingers says that a dead process is not quite gone: its memory is taken back later.
var errLingers = errors.New("a thread of the dead process may still be in a system call")

// sweepAll sweeps every slot whose process is dead. It reports whether there is something
// left to do shortly.
func (a *Arena) sweepAll(ctx context.Context) (again bool) {
	for i := uint32(1); i <= a.procTop(); i++ {
		s := a.slot(i)
		if identState(atom.Load32(&s.ident)) != slotLive || a.owns(i) {
			continue
		}
		if atom.Load32(&s.live)&futexOwnerDied != 0 || !a.probe(i) {
			if err := a.sweep(ctx, i); errors.Is(err, errLingers) {
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
func (a *Arena) sweep(ctx context.Context, i uint32) error {
	h, s, r := a.head(), a.slot(i), a.record(i)
	if _, err := h.sweep.Lock(ctx, a.sentry, futex.TakeOver); err != nil {
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
			sweep(a, o, dead)
		}
	})
	if !leaving && byteLocked(a.file, i) {
		return errLingers
	}
	if err := a.lockAs(ctx, a.sentry); err != nil {
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
