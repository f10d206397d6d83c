package shm

import (
	"fmt"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// An arena may be damaged: any process that maps it can write anywhere. What is read
// from it is believed only as far as it cannot make this process read or write outside of
// the mapping, or go round in circles. What is derived is derived again when it cannot be;
// what is not is ErrCorrupt.

// plausible reports that the header's derived words can be. Precondition: the arena's lock
// is held.
func (a *Arena) plausible() bool {
	h := a.head()
	limit := a.chunkLimit()
	if h.entryTop > a.mostEntries() || h.entryHint > maxEntries || h.entryCount > maxEntries ||
		h.level > 16 || h.split >= firstBuckets<<h.level || h.typeText > maxTypeText ||
		h.chunkTop > limit || h.chunkHint > limit {
		return false
	}
	for _, c := range h.partial {
		if c > limit {
			return false
		}
	}
	return true
}

// mostSteps bounds a walk over items: more than any queue has, few enough not to hang.
const mostSteps = 1 << 24

// mostEntries is how many entries the budget allows, which counts their table too.
func (a *Arena) mostEntries() uint32 {
	return uint32(min(maxEntries, a.head().budget/entrySize))
}

// chunkLimit is how many chunks the mapping has.
func (a *Arena) chunkLimit() uint32 { return uint32((a.size - heapAt) / chunkSize) }

// runOf is how many chunks the run that begins at i has.
func (a *Arena) runOf(i uint32) uint32 {
	return min(max(a.chunk(i).length, 1), max(a.chunkLimit(), i+1)-i)
}

// procTop is the highest slot ever used.
func (a *Arena) procTop() uint32 { return min(atom.Load32(&a.head().procTop), futex.MaxSlot) }

// leastPayload is how much memory of its own an object of each kind has at least.
var leastPayload = [256]uint64{Value: cellAt + 8, Array: arrayAt, Lock: LockPayload, RLock: LockPayload, Event: EventPayload,
	Semaphore: waitListPayload, BoundedSemaphore: waitListPayload, Condition: conditionList + waitListPayload,
	Barrier: waitListPayload + barrierPayload, Queue: queueHeadSize, ByteQueue: queueHeadSize}

// intact reports that entry i has a block of its own that is large enough for its kind and
// its name.
func (a *Arena) intact(i uint32) bool {
	e := a.entry(i)
	off := e.place()
	owner := a.owner(off)
	if owner == nil || atom.Load32(owner) != ownedBy(i) {
		return false
	}
	b := at[blockHead](a, off)
	size := a.blockSize(off)
	return b.payload() >= leastPayload[e.kind()] && b.payload() <= size && blockHeadSize+b.payload()+b.nameLen() <= size
}

// sound is ErrCorrupt for an entry that cannot be attached.
func (a *Arena) sound(i uint32, s *Spec) error {
	if !a.intact(i) || a.ref(i).Size < s.Payload {
		return fmt.Errorf("entry %d and its memory do not agree: %w", i, errs.ErrCorrupt)
	}
	return nil
}
