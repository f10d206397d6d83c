package shm

import (
	"context"
	"time"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

// sweeper is one who sweeps a slot; see Arena.sweep.
type sweeper struct {
	a       *Arena
	slot    uint32
	ident   uint32 // of the slot, while nobody has finished the sweep
	dead    futex.ID
	leaving bool // the process itself sweeps, or its host
	left    bool // an object was passed over

	d      *futex.Domain      // ends the sweep
	moment *futex.Domain      // below d: ends what the sweep waits for now
	stop   func() (done bool) // keeps moment from being ended
}

const (
	// sweepPatience is how long a sweep waits for a lock: those that it needs are held for much
	// less by whoever runs.
	sweepPatience = 20 * time.Millisecond
	// sweepBatch is how many attachments, and sweepChunks how many chunks of the heap, a sweep
	// looks after in one go under the arena's lock.
	sweepBatch  = 64
	sweepChunks = 64
)

// soon is a way of waiting that ends when that takes too long. One who leaves has no other to
// leave it to, and waits until d is closed.
func (w *sweeper) soon() *futex.Domain {
	if w.leaving {
		return w.d
	}
	w.stopClock()
	if w.moment == w.d || w.moment.Closed() {
		w.moment = w.d.Visit()
	}
	w.stop = later(sweepPatience, w.moment.Close)
	return w.moment
}

func (w *sweeper) stopClock() {
	if w.stop != nil {
		w.stop()
	}
}

// isMine reports that the slot still is the dead's.
func (w *sweeper) isMine() bool { return atom.Load32(&w.a.slot(w.slot).ident) == w.ident }

// sweepObject does what entry e's kind says. Others may finish the sweep meanwhile, so the
// dead's attachment does not keep the object; this process's record does: first it says
// what is swept, then the attachment is looked at again. A process that takes that
// away looks at the records after it (see leaveToSweeper).
func (w *sweeper) sweepObject(e uint32) {
	a := w.a
	sweep := kinds[a.entry(e).kind()].Sweep
	if sweep == nil || w.d.Closed() {
		return
	}
	if !w.leaving {
		sweeping := &a.record(a.self.Slot()).sweeping
		atom.Store32(sweeping, e+1)
		defer func() {
			atom.Store32(sweeping, 0)
			w.letGo(e)
		}()
		if atom.Load64(a.attachment(w.slot, e))&(1<<(e%64)) == 0 || !w.isMine() {
			return
		}
	}
	if !a.entry(e).isInUse() || !a.intact(e) {
		return
	}
	o, d := a.ref(e), w.soon()
	if sweep = kinds[o.Kind].Sweep; sweep != nil {
		sweep(a, d, o, w.dead)
	}
	w.left = w.left || d.Closed()
}

// letGo detaches this process from entry e if somebody left that to it.
func (w *sweeper) letGo(e uint32) {
	a := w.a
	if atom.Load64(a.attachment(a.self.Slot(), e))&(1<<(e%64)) == 0 {
		return
	}
	a.mu.Lock()
	own := a.objects[e] != nil
	a.mu.Unlock()
	if own {
		return
	}
	a.owed.add(func(o *owed) { o.entries = append(o.entries, e) })
	if a.lockAs(context.Background(), w.soon()) == nil {
		a.unlock()
	}
}

// leaveToSweeper has entry i attached to one who sweeps it for a dead process just now, and
// who detaches then; false if there is nobody. Precondition: the arena's lock is held.
func (a *Arena) leaveToSweeper(i uint32) bool {
	for s := uint32(1); s <= a.procTop(); s++ {
		r := a.record(s)
		if atom.Load32(&r.sweeping) != i+1 || identState(atom.Load32(&a.slot(s).ident)) != slotLive {
			continue
		}
		if atom.Load32(&a.slot(s).live)&futexOwnerDied != 0 {
			stopBarrier() // it does not touch the object any more
			continue
		}
		bit := uint64(1) << (i % 64)
		atom.Put32(&r.attached, max(r.attached, i+1))
		atom.Or64(a.attachment(s, i), bit)
		if atom.Load32(&r.sweeping) == i+1 {
			return true
		}
		atom.And64(a.attachment(s, i), ^bit) // it has done with it, perhaps before it could see this
	}
	return false
}

// sweepMemory ends the dead's attachments, frees the blocks that it had in flight, and then
// its slot. It leaves the arena's lock now and then: a process that is stopped should not be
// likely to have it.
func (w *sweeper) sweepMemory() error {
	a, s, r := w.a, w.a.slot(w.slot), w.a.record(w.slot)
	for e, c := uint32(0), uint32(0); ; {
		if err := a.lockAs(context.Background(), w.soon()); err != nil {
			if w.d.Closed() {
				return err
			}
			return errLingers
		}
		if !w.isMine() {
			a.unlock()
			return nil
		}
		switch attached := min(atom.Load32(&r.attached), maxEntries); {
		case e < attached:
			e = w.detach(e, attached)
		case c < a.head().chunkTop && atom.Load32(&r.inFlight) != 0:
			a.blocksIn(c, c+sweepChunks, func(off uint64, owner uint32) {
				if owner == uint32(w.dead) {
					a.free(off)
				}
			})
			c += sweepChunks
		case w.leaving: // the slot is given back when the locks are: see leave and process_guest.go
			a.unlock()
			a.discardRow(w.slot, attached)
			return nil
		default:
			free := ident(slotFree, w.dead.Gen())
			atom.Add32(&a.head().recoveries, 1)
			atom.CAS32(&s.ident, w.ident, free)
			a.unlock()
			a.clearRow(w.slot, free, attached)
			return nil
		}
		a.unlock()
	}
}

// detach ends some of the attachments from entry e on, and returns where to go on.
// Precondition: the arena's lock is held.
func (w *sweeper) detach(e, attached uint32) uint32 {
	a := w.a
	for n := 0; e < attached && n < sweepBatch; e++ {
		word := a.attachment(w.slot, e)
		if atom.Load64(word)>>(e%64) == 0 {
			e |= 63 // none in the rest of the word
			continue
		}
		if atom.Load64(word)&(1<<(e%64)) == 0 {
			continue
		}
		n++
		atom.And64(word, ^uint64(1<<(e%64)))
		if x := a.entry(e); x.isLive() && x.kind().goesWithMaker() && x.owner == uint32(w.dead) {
			a.unlink(e)
		}
		a.reap(e)
	}
	return e
}

// clearRow gives the pages of a free slot's attachment bits back. The lock on the slot's byte
// keeps those away who join.
func (a *Arena) clearRow(i, free, attached uint32) {
	if attached == 0 {
		return
	}
	a.guests.mu.Lock() // all bytes that this process locks have one owner
	defer a.guests.mu.Unlock()
	if got, err := lockByte(a.file, i); err != nil || !got {
		return
	}
	defer unlockByte(a.file, i)
	if atom.Load32(&a.slot(i).ident) == free {
		a.discardRow(i, attached)
	}
}

func (a *Arena) discardRow(i, attached uint32) {
	if attached != 0 {
		a.discard(attachAt+attachSize*uint64(i), roundUp(uint64(min(attached, maxEntries-1))/8+1, page))
	}
}
