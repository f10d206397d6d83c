package shm

import (
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
// slot. What others may be waiting for comes first. Memory comes when the last thread of the
// dead is gone and with it its lock on the slot's byte; errLingers until then, and also while
// somebody who is slow, or stopped, has a lock that the sweep needs: what needs others is done
// meanwhile. A process that leaves sweeps its own slot, and its guests' before: it is alive,
// and locks that are in its name may be the sweep's own.
//
// Several may sweep a slot at once, and one who was stopped may go on when the slot is
// long another's. So each step can be repeated, and is either harmless to whoever has the slot
// then, or conditional: on the dead's ID, which is in no word that is not the dead's, or on
// the slot's ident, looked at under the arena's lock, under which alone a dead process's slot
// becomes free. What a sweeper works on outside of that lock stays: see sweepObject.
//
// Whatever the sweep waits for ends when d, the sentry or one below it, is closed; then the
// sweep is not finished, and says so by ErrClosed.
func (a *Arena) sweep(d *futex.Domain, i uint32) error {
	s, r := a.slot(i), a.record(i)
	id := atom.Load32(&s.ident)
	leaving := a.owns(i)
	if identState(id) != slotLive || !leaving && atom.Load32(&s.live)&futexOwnerDied == 0 || atom.Load32(&s.ident) != id {
		return nil // somebody else did it
	}
	w := &sweeper{a: a, slot: i, ident: id, dead: futex.MakeID(i, identGen(id)), leaving: leaving, d: d, moment: d}
	defer w.stopClock()
	if !leaving {
		stopBarrier()
		a.sentry.WakeAll(&s.live)
		a.sentry.Recover(r.waits[:], r.wakes[:], a.size)
		// Its watcher's thread may not have gone yet, and would swallow the one wake-up that
		// the kernel has for the death of whom it watched.
		if next := a.after(i); next != 0 && a.hostOf(i) == 0 {
			a.sentry.WakeAll(&a.slot(next).watched)
		}
		a.head().lock.Release(a.sentry, w.dead)
	}

	// Locks first, memory after: there may be a million attachments.
	a.attachments(i, w.sweepObject)
	switch {
	case d.Closed(): // what waited in vain did not say so
		return errs.ErrClosed
	case w.left || !leaving && byteLocked(a.file, i):
		return errLingers
	}
	return w.sweepMemory()
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

// eachBlock calls f with each block in use. f may free it.
func (a *Arena) eachBlock(f func(off uint64, owner uint32)) { a.blocksIn(0, maxChunks, f) }

// blocksIn is eachBlock for the blocks that begin in a chunk from c on, and before to. Chunks
// in the middle of a run count as free.
func (a *Arena) blocksIn(c, to uint32, f func(off uint64, owner uint32)) {
	for c < min(to, a.head().chunkTop) {
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
