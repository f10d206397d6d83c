package shm

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// keepIdle is how many bytes of free chunks keep their pages: touching fresh shared
// memory costs about a millisecond per MiB.
func (a *Arena) keepIdle() uint64 { return min(16*mib, a.head().budget/8) }

// alloc takes a block of at least n bytes that bears owner, and returns its place.
// The content is undefined. Where there is no memory, it detaches what is in quarantine.
// Preconditions:
//   - the arena's lock is held, and mu is not.
//   - n > 0.
func (a *Arena) alloc(n uint64, owner uint32) (off uint64, err error) {
	off, err = a.allocOnce(n, owner)
	if errors.Is(err, errs.ErrNoMemory) && a.process().detachAll() {
		off, err = a.allocOnce(n, owner)
	}
	return off, err
}

func (a *Arena) allocOnce(n uint64, owner uint32) (uint64, error) {
	if n > a.head().budget {
		return 0, fmt.Errorf("%d bytes, the arena's budget is %d: %w", n, a.head().budget, errs.ErrTooLarge)
	}
	if c, ok := classOf(n); ok {
		return a.allocSmall(c, owner)
	}
	return a.allocRun(uint32((n+chunkSize-1)/chunkSize), owner)
}

func (a *Arena) allocSmall(class, owner uint32) (uint64, error) {
	h := a.head()
	i := h.partial[class]
	if i != 0 && a.chunk(i-1).state&^chunkPages != chunkSmall|class<<8 {
		a.rebuild() // chunk i was of this class, and is not now
		i = h.partial[class]
	}
	if i == 0 {
		at, err := a.findChunks(1)
		if err != nil {
			return 0, err
		}
		atom.Clear(a.bytes(heapAt+chunkSize*uint64(at), 4*uint64(classBlocks[class])))
		d := a.chunk(at)
		atom.Put32(&d.free, classBlocks[class])
		atom.Put32(&d.hint, 0)
		a.useChunks(at, 1)
		atom.Store32(&d.state, chunkSmall|class<<8|chunkPages)
		a.linkPartial(at, class)
		i = at + 1
	}
	d := a.chunk(i - 1)
	for b := d.hint; b < classBlocks[class]; b++ {
		w := a.blockOwner(i-1, b)
		if atom.Load32(w) != 0 {
			continue
		}
		atom.Put32(&d.hint, b+1)
		atom.Put32(&d.free, d.free-1)
		atom.Put64(&h.used, h.used+uint64(classes[class])+4)
		if d.free == 0 {
			a.unlinkPartial(i-1, class)
		}
		atom.Store32(w, owner)
		return a.blockAt(i-1, class, b), nil
	}
	return 0, fmt.Errorf("chunk %d says it has %d free blocks and has none: %w", i-1, d.free, errs.ErrCorrupt)
}

func (a *Arena) blockAt(c, class, b uint32) uint64 {
	return heapAt + chunkSize*uint64(c) + uint64(classFirst[class]) + uint64(b)*uint64(classes[class])
}

func (a *Arena) allocRun(n, owner uint32) (uint64, error) {
	at, err := a.findChunks(n)
	if err != nil {
		return 0, err
	}
	d := a.chunk(at)
	atom.Put32(&d.length, n)
	atom.Put32(&d.owner, owner)
	a.useChunks(at, n)
	atom.Put64(&a.head().used, a.head().used+uint64(n)*chunkSize)
	atom.Store32(&d.state, chunkRun|chunkPages)
	return heapAt + chunkSize*uint64(at), nil
}

// findChunks returns the first n free chunks in a row that the budget allows.
func (a *Arena) findChunks(n uint32) (uint32, error) {
	h := a.head()
	run := uint32(0)
	limit := a.chunkLimit()
	for i := h.chunkHint; i < limit; {
		d := a.chunk(i)
		switch d.state & chunkStates {
		case chunkFree:
			if run++; run == n {
				return i + 1 - n, a.admit(i+1-n, n)
			}
			i++
		case chunkRun:
			run = 0
			i += a.runOf(i)
		default:
			run = 0
			i++
		}
	}
	return 0, fmt.Errorf("no %d chunks in a row: %w", n, errs.ErrNoMemory)
}

// admit checks the budget for n chunks from at on, and gives idle pages back for it.
func (a *Arena) admit(at, n uint32) error {
	h := a.head()
	fresh := uint64(0)
	for i := at; i < at+n; i++ {
		if a.chunk(i).state&chunkPages == 0 {
			fresh += chunkSize
		}
	}
	if h.committed+a.tables()+fresh > h.budget {
		a.trim(at, n)
	}
	if h.committed+a.tables()+fresh > h.budget {
		return fmt.Errorf("%d bytes more than the %d in use exceed the budget of %d: %w",
			uint64(n)*chunkSize, h.used, h.budget, errs.ErrNoMemory)
	}
	return nil
}

// tables is what the directory's tables hold, in bytes.
func (a *Arena) tables() uint64 {
	h := a.head()
	return uint64(h.entryTop)*entrySize + 4*a.bucketCount()
}

// trim gives the pages of free chunks back, but those of the n from at on. Chunks in a row
// go together: there may be a hundred thousand.
func (a *Arena) trim(at, n uint32) {
	top, idle := a.head().chunkTop, uint32(0)
	for i := uint32(0); i < top; {
		d := a.chunk(i)
		if d.state == chunkFree|chunkPages && (i < at || i >= at+n) {
			idle++
			i++
			continue
		}
		a.discardChunks(i-idle, idle)
		idle = 0
		if d.state&chunkStates == chunkRun {
			i += a.runOf(i)
		} else {
			i++
		}
	}
	a.discardChunks(top-idle, idle)
}

// discardChunks gives the pages of n free chunks from at on back.
func (a *Arena) discardChunks(at, n uint32) {
	if n == 0 {
		return
	}
	h := a.head()
	a.discard(heapAt+chunkSize*uint64(at), chunkSize*uint64(n))
	atom.Put64(&h.committed, h.committed-chunkSize*uint64(n))
	atom.Put64(&h.idle, h.idle-chunkSize*uint64(n))
	for i := at; i < at+n; i++ {
		atom.Store32(&a.chunk(i).state, chunkFree)
	}
}

func (a *Arena) useChunks(at, n uint32) {
	h := a.head()
	for i := at; i < at+n; i++ {
		d := a.chunk(i)
		if d.state&chunkPages == 0 {
			atom.Put64(&h.committed, h.committed+chunkSize)
		} else {
			atom.Put64(&h.idle, h.idle-chunkSize)
		}
		if i > at {
			atom.Put32(&d.state, chunkFree) // part of a run: only the first has a state
		}
	}
	if at <= h.chunkHint {
		atom.Put32(&h.chunkHint, at+n)
	}
	if at+n > h.chunkTop {
		atom.Store32(&h.chunkTop, at+n)
	}
}

// locate finds the chunk of a block and, for a small one, its index; ok is false
// for a place where no block begins.
func (a *Arena) locate(off uint64) (c, block uint32, small, ok bool) {
	if off < heapAt || off >= a.size || off%64 != 0 {
		return 0, 0, false, false
	}
	c = uint32((off - heapAt) / chunkSize)
	d := a.chunk(c)
	state := atom.Load32(&d.state)
	switch state & chunkStates {
	case chunkRun:
		return c, 0, false, off == heapAt+chunkSize*uint64(c)
	case chunkSmall:
		class := state >> 8 & 0xff
		if class >= numClasses {
			return 0, 0, false, false
		}
		in := uint32((off - heapAt) % chunkSize)
		if in < classFirst[class] || (in-classFirst[class])%classes[class] != 0 {
			return 0, 0, false, false
		}
		block = (in - classFirst[class]) / classes[class]
		return c, block, true, block < classBlocks[class]
	}
	return 0, 0, false, false
}

// owner is the owner word of the block at off, nil if there is none.
func (a *Arena) owner(off uint64) *uint32 {
	c, b, small, ok := a.locate(off)
	switch {
	case !ok:
		return nil
	case small:
		return a.blockOwner(c, b)
	}
	return &a.chunk(c).owner
}

// blockSize is how many bytes the block at off has.
func (a *Arena) blockSize(off uint64) uint64 {
	c, _, small, ok := a.locate(off)
	switch {
	case !ok:
		return 0
	case small:
		return uint64(classes[a.chunk(c).state>>8&0xff])
	}
	return uint64(a.runOf(c)) * chunkSize
}

// free gives a block back. Precondition: the arena's lock is held.
func (a *Arena) free(off uint64) {
	c, b, small, ok := a.locate(off)
	if !ok {
		return
	}
	h, d := a.head(), a.chunk(c)
	if !small {
		n := a.runOf(c)
		atom.Put64(&h.used, h.used-uint64(n)*chunkSize)
		for i := c + 1; i < c+n; i++ { // while the first still says that they are a run
			atom.Put32(&a.chunk(i).state, chunkFree|chunkPages)
		}
		atom.Store32(&d.state, chunkFree|chunkPages)
		a.idle(c, n)
		return
	}
	w := a.blockOwner(c, b)
	if atom.Load32(w) == 0 {
		return
	}
	class := d.state >> 8 & 0xff
	atom.Store32(w, 0)
	atom.Put64(&h.used, h.used-uint64(classes[class])-4)
	atom.Put32(&d.free, d.free+1)
	atom.Put32(&d.hint, min(d.hint, b))
	switch d.free {
	case 1:
		a.linkPartial(c, class)
	case classBlocks[class]:
		if d.next == 0 && d.prev == 0 {
			return // the class's last chunk with room: keep it
		}
		a.unlinkPartial(c, class)
		atom.Store32(&d.state, chunkFree|chunkPages)
		a.idle(c, 1)
	}
}

// idle accounts for n chunks that became free with their pages, and gives the pages
// back beyond keepIdle.
func (a *Arena) idle(at, n uint32) {
	h := a.head()
	atom.Put64(&h.idle, h.idle+uint64(n)*chunkSize)
	atom.Put32(&h.chunkHint, min(h.chunkHint, at))
	if keep := a.keepIdle(); h.idle > keep {
		k := uint32(min(uint64(n), (h.idle-keep+chunkSize-1)/chunkSize))
		a.discardChunks(at+n-k, k)
	}
}

func (a *Arena) linkPartial(c, class uint32) {
	h, d := a.head(), a.chunk(c)
	atom.Put32(&d.prev, 0)
	atom.Put32(&d.next, h.partial[class])
	if d.next != 0 && d.next <= a.chunkLimit() {
		atom.Put32(&a.chunk(d.next-1).prev, c+1)
	}
	atom.Put32(&h.partial[class], c+1)
}

func (a *Arena) unlinkPartial(c, class uint32) {
	h, d := a.head(), a.chunk(c)
	if d.prev == 0 {
		atom.Put32(&h.partial[class], d.next)
	} else if d.prev <= a.chunkLimit() {
		atom.Put32(&a.chunk(d.prev-1).next, d.next)
	}
	if d.next != 0 && d.next <= a.chunkLimit() {
		atom.Put32(&a.chunk(d.next-1).prev, d.prev)
	}
	atom.Put32(&d.next, 0)
	atom.Put32(&d.prev, 0)
}

// allocFlight takes a block that bears this process's name until give or drop; its
// death frees it.
func (a *Arena) allocFlight(ctx context.Context, h *Handle, n uint64) (uint64, error) {
	var block [1]uint64
	_, err := a.allocFlights(ctx, h, n, block[:])
	return block[0], err
}

// allocFlights takes as many blocks as there is memory for, and room in blocks; none is an
// error. The handle's Close ends its wait.
func (a *Arena) allocFlights(ctx context.Context, h *Handle, n uint64, blocks []uint64) (got int, err error) {
	if err := a.lockFor(ctx, h); err != nil {
		return 0, err
	}
	defer a.unlock()
	flights := &a.record(a.self.Slot()).inFlight
	atom.Add32(flights, uint32(len(blocks)))
	for got < len(blocks) {
		if blocks[got], err = a.alloc(n, uint32(a.self)); err != nil {
			atom.Add32(flights, -uint32(len(blocks)-got))
			break
		}
		got++
	}
	if got > 0 {
		err = nil
	}
	return got, err
}

// give makes an object the owner of a block in flight.
func (a *Arena) give(off uint64, index uint32) {
	if w := a.owner(off); w != nil {
		atom.Store32(w, ownedBy(index))
	}
	a.landed()
}

// take makes this process the owner of an object's block.
func (a *Arena) take(off uint64) {
	atom.Add32(&a.record(a.self.Slot()).inFlight, 1)
	if w := a.owner(off); w != nil {
		atom.Store32(w, uint32(a.self))
	}
}

// landed says that a block no longer bears this process's name.
func (a *Arena) landed() { atom.Add32(&a.record(a.self.Slot()).inFlight, ^uint32(0)) }

// drop frees a block in flight.
func (a *Arena) drop(ctx context.Context, d *futex.Domain, off uint64) error {
	one := [1]uint64{off}
	return a.dropAll(ctx, d, one[:])
}

// dropAll frees blocks in flight; later, if it answers an error.
func (a *Arena) dropAll(ctx context.Context, d *futex.Domain, blocks []uint64) error {
	if err := a.lockAs(ctx, d); err != nil {
		a.owed.add(func(o *owed) { o.blocks = append(o.blocks, blocks...) })
		return err
	}
	defer a.unlock()
	a.freeAll(blocks)
	return nil
}

// freeAll is dropAll for one who holds the arena's lock.
func (a *Arena) freeAll(blocks []uint64) {
	for _, off := range blocks {
		a.free(off)
	}
	if len(blocks) > 0 {
		atom.Add32(&a.record(a.self.Slot()).inFlight, -uint32(len(blocks)))
	}
}
