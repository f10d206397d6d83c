package shm

import (
	"github.com/carom-ipc/carom/internal/atom"
)

// rebuild derives counts, lists, chains and bitmaps from the truth: the states of
// entries and chunks and the owner words of blocks. Precondition: the arena's lock
// is held, its last owner died somewhere inside.
func (a *Arena) rebuild() {
	h := a.head()
	atom.Add32(&h.rebuilds, 1)
	a.rebuildTypes()
	a.rebuildDirectory()
	a.rebuildHeap()
	// Who removed or detached an object may have died before it freed it.
	for i := range h.entryTop {
		a.reap(i)
	}
}

func (a *Arena) rebuildTypes() {
	h, end := a.head(), uint32(0)
	if n := min(h.typeCount, maxTypes); n > 0 {
		last := a.typeEntry(n - 1)
		end = last.at + last.size
	}
	atom.Put32(&h.typeText, min(end, maxTypeText))
}

func (a *Arena) rebuildDirectory() {
	h := a.head()
	var live, objects, top, named, lanes uint32
	limit := min(h.entryTop, a.mostEntries()-1) + 1 // its creator may have died before it raised the top
	for i := range limit {
		w := a.entryBits(i / 64)
		if i%64 == 0 {
			atom.Put64(w, 0)
		}
		switch a.entry(i).state & entryStates {
		case entryFree:
			continue
		case entryLive:
			live++
			if a.entry(i).kind() != lane {
				named++
			}
		}
		if a.entry(i).kind() == lane {
			lanes++
		}
		objects++
		atom.Put64(w, *w|1<<(i%64))
		top = i + 1
	}
	atom.Put32(&h.entryTop, top)
	atom.Put32(&h.entryHint, 0)
	atom.Put32(&h.objects, named)
	atom.Put32(&h.lanes, lanes)
	level := uint32(0)
	for firstBuckets<<level < live {
		level++
	}
	atom.Put32(&h.level, level)
	atom.Put32(&h.split, 0)
	atom.Put32(&h.entryCount, live)
	atom.Clear(a.bytes(bucketsAt, 4*firstBuckets<<level))
	for i := range top {
		e := a.entry(i)
		if e.state&entryStates == entryLive {
			b := a.bucket(a.bucketOf(e.hash))
			atom.Put32(&e.next, *b)
			atom.Put32(b, i+1)
		}
	}
	atom.Put64(&h.used, uint64(objects)*entrySize)
}

func (a *Arena) rebuildHeap() {
	h := a.head()
	limit := a.chunkLimit()
	atom.Put32(&h.chunkTop, min(h.chunkTop, limit))
	for c := range h.partial {
		atom.Put32(&h.partial[c], 0)
	}
	atom.Put64(&h.committed, 0)
	atom.Put64(&h.idle, 0)
	atom.Put32(&h.chunkHint, 0)
	// The creator of a chunk may have died before it raised the top.
	for i := uint32(0); i < h.chunkTop || i < limit && a.chunk(i).state != 0; {
		d := a.chunk(i)
		n := uint32(1)
		switch d.state & chunkStates {
		case chunkRun:
			n = a.runOf(i)
			if a.orphan(d.owner) {
				for k := i + 1; k < i+n; k++ {
					atom.Put32(&a.chunk(k).state, chunkFree|chunkPages)
				}
				atom.Store32(&d.state, chunkFree|chunkPages)
				continue
			}
			atom.Put64(&h.used, h.used+uint64(n)*chunkSize)
			atom.Put64(&h.committed, h.committed+uint64(n)*chunkSize)
		case chunkSmall:
			if d.state>>8&0xff >= numClasses {
				break // damaged: whatever is in it is lost
			}
			a.rebuildChunk(i)
			atom.Put64(&h.committed, h.committed+chunkSize)
		default:
			// Whether it has pages is not known if its user died: assume so.
			atom.Put32(&d.state, chunkFree|chunkPages)
			atom.Put64(&h.committed, h.committed+chunkSize)
			atom.Put64(&h.idle, h.idle+chunkSize)
		}
		i += n
		if i > h.chunkTop {
			atom.Put32(&h.chunkTop, i)
		}
	}
	if h.idle > a.keepIdle() {
		a.trim(0, 0)
	}
}

func (a *Arena) rebuildChunk(i uint32) {
	h, d := a.head(), a.chunk(i)
	class := d.state >> 8 & 0xff
	free := uint32(0)
	for b := range classBlocks[class] {
		w := a.blockOwner(i, b)
		if a.orphan(*w) {
			atom.Store32(w, 0)
		}
		if *w == 0 {
			free++
		}
	}
	atom.Put32(&d.free, free)
	atom.Put32(&d.hint, 0)
	atom.Put32(&d.next, 0)
	atom.Put32(&d.prev, 0)
	atom.Put64(&h.used, h.used+uint64(classBlocks[class]-free)*uint64(classes[class]+4))
	if free > 0 {
		a.linkPartial(i, class)
	}
}

// orphan reports a block that its creator named for an entry which it did not live
// to publish, or whose entry was freed before it.
func (a *Arena) orphan(owner uint32) bool {
	if owner&objectOwned == 0 {
		return false
	}
	i := owner &^ objectOwned
	return i >= maxEntries || a.entry(i).state&entryStates == entryFree
}
