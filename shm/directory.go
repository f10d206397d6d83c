package shm

import (
	"fmt"
	"math/bits"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// The directory is a linear-hashing table (Litwin, 1980): chains of entries whose
// buckets are split one at a time as it grows, so no operation ever pays for a
// rehash. All functions here need the arena's lock.

const firstBuckets = 256

func (a *Arena) bucketCount() uint64 {
	h := a.head()
	return uint64(firstBuckets)<<h.level + uint64(h.split)
}

func (a *Arena) bucketOf(hash uint32) uint32 {
	h := a.head()
	b := hash & (firstBuckets<<h.level - 1)
	if b < h.split {
		b = hash & (firstBuckets<<(h.level+1) - 1)
	}
	return b
}

// nameHash is FNV-1a, folded.
func nameHash(name string) uint32 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 0x100000001b3
	}
	return uint32(h>>32) ^ uint32(h)
}

// find returns the index of the live entry with that name.
func (a *Arena) find(name string, hash uint32) (uint32, bool) {
	for i, steps := *a.bucket(a.bucketOf(hash)), 0; i != 0 && i <= maxEntries && steps <= int(a.head().entryCount); steps++ {
		e := a.entry(i - 1)
		if e.hash == hash && e.state&entryStates == entryLive && string(a.nameOf(e)) == name {
			return i - 1, true
		}
		i = e.next
	}
	return 0, false
}

func (e *entry) place() uint64 { return heapAt + uint64(e.block)*64 }

// nameOf is the entry's name in the arena's memory. A block head that cannot be is
// read as no name.
func (a *Arena) nameOf(e *entry) []byte {
	off := e.place()
	size := a.blockSize(off)
	b := at[blockHead](a, off)
	start := blockHeadSize + b.payload()
	if size == 0 || start+b.nameLen() > size {
		return nil
	}
	return a.bytes(off+start, b.nameLen())
}

const blockHeadSize = 16

// newEntry finds the lowest free entry.
func (a *Arena) newEntry() (uint32, error) {
	h := a.head()
	for w := h.entryHint / 64; w < maxEntries/64; w++ {
		if free := ^*a.entryBits(w); free != 0 {
			return w*64 + uint32(bits.TrailingZeros64(free)), nil
		}
	}
	return 0, fmt.Errorf("%d objects: %w", maxEntries, errs.ErrNoMemory)
}

// publish makes entry i, whose fields but state and next are written, live.
func (a *Arena) publish(i, state uint32) {
	h, e := a.head(), a.entry(i)
	w := a.entryBits(i / 64)
	atom.Put64(w, *w|1<<(i%64))
	atom.Put32(&h.entryHint, i+1)
	atom.Put32(&h.entryTop, max(h.entryTop, i+1))
	atom.Put64(&h.used, h.used+entrySize)
	atom.Store32(&e.state, state)
	b := a.bucket(a.bucketOf(e.hash))
	atom.Put32(&e.next, *b)
	atom.Put32(b, i+1)
	if e.kind() == lane {
		atom.Put32(&h.lanes, h.lanes+1)
	} else {
		atom.Put32(&h.objects, h.objects+1)
	}
	atom.Put32(&h.entryCount, h.entryCount+1)
	if uint64(h.entryCount) > a.bucketCount() {
		a.splitBucket()
	}
}

func (a *Arena) splitBucket() {
	h := a.head()
	if firstBuckets<<(h.level+1) > maxEntries {
		return
	}
	from, to := h.split, h.split+firstBuckets<<h.level
	i := *a.bucket(from)
	var low, high uint32
	for steps := uint32(0); i != 0 && i <= maxEntries && steps <= h.entryCount; steps++ {
		e := a.entry(i - 1)
		next := e.next
		if e.hash&(firstBuckets<<h.level) == 0 {
			atom.Put32(&e.next, low)
			low = i
		} else {
			atom.Put32(&e.next, high)
			high = i
		}
		i = next
	}
	atom.Put32(a.bucket(from), low)
	atom.Put32(a.bucket(to), high)
	if h.split+1 == firstBuckets<<h.level {
		atom.Put32(&h.split, 0)
		atom.Put32(&h.level, h.level+1)
	} else {
		atom.Put32(&h.split, h.split+1)
	}
}

// unlink takes the name of entry i away.
func (a *Arena) unlink(i uint32) {
	h, e := a.head(), a.entry(i)
	atom.Store32(&e.state, e.state&^entryStates|entryRemoved)
	p := a.bucket(a.bucketOf(e.hash))
	for steps := uint32(0); *p != 0 && *p <= maxEntries && steps <= h.entryCount; steps++ {
		if *p == i+1 {
			atom.Put32(p, e.next)
			break
		}
		p = &a.entry(*p - 1).next
	}
	atom.Put32(&h.entryCount, h.entryCount-1)
	if e.kind() != lane {
		atom.Put32(&h.objects, h.objects-1)
	}
}

// reap frees the removed entry i with all its memory, if no process has it attached or sweeps
// it.
func (a *Arena) reap(i uint32) {
	e := a.entry(i)
	if e.state&entryStates != entryRemoved || a.attachedTo(i) > 0 || a.leaveToSweeper(i) {
		return
	}
	h, o, off, intact := a.head(), a.ref(i), e.place(), a.intact(i)
	atom.Store32(&e.state, entryFree) // before its blocks: those without an entry are orphans
	if free := kinds[o.Kind].Free; free != nil && intact {
		free(a, o)
	}
	if intact {
		a.free(off)
	}
	w := a.entryBits(i / 64)
	atom.Put64(w, *w&^(1<<(i%64)))
	atom.Put32(&h.entryHint, min(h.entryHint, i))
	atom.Put64(&h.used, h.used-entrySize)
	if o.Kind == lane {
		atom.Put32(&h.lanes, h.lanes-1)
	}
	a.shrink(i)
}

// shrink gives a page of entries back when the last of them is free, and the
// buckets when no entry is left.
func (a *Arena) shrink(i uint32) {
	const perPage = page / entrySize
	h := a.head()
	first := i / perPage * perPage
	if *a.entryBits(first / 64)|*a.entryBits(first/64 + 1) == 0 {
		a.discard(entriesAt+entrySize*uint64(first), page)
		for h.entryTop > 0 && *a.entryBits((h.entryTop - 1) / 64) == 0 {
			atom.Put32(&h.entryTop, (h.entryTop-1)/64*64)
		}
	}
	if h.entryTop == 0 && h.level > 0 {
		a.discard(bucketsAt, roundUp(4*a.bucketCount(), page))
		atom.Put32(&h.split, 0)
		atom.Put32(&h.level, 0)
	}
}

// attachedTo counts the processes that have entry i attached.
func (a *Arena) attachedTo(i uint32) (n int) {
	for s := uint32(1); s <= a.procTop(); s++ {
		if atom.Load32(&a.slot(s).ident)&slotStates == slotFree || atom.Load32(&a.record(s).attached) <= i {
			continue // its row is not touched: the page would be there from then on
		}
		if atom.Load64(a.attachment(s, i))&(1<<(i%64)) != 0 {
			n++
		}
	}
	return n
}

func (e *entry) kind() Kind    { return Kind(e.state >> 8) }
func (e *entry) flags() uint32 { return e.state >> 16 }
func (e *entry) isLive() bool  { return atom.Load32(&e.state)&entryStates == entryLive }
func (e *entry) isInUse() bool { return atom.Load32(&e.state)&entryStates != entryFree }
