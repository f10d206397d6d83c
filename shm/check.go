package shm

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

// Check examines every invariant of the arena and returns what is wrong, nil if
// nothing is. It holds the arena's lock meanwhile; objects may be in use. With quiet
// set, nothing else uses the arena, and what the objects own is checked as well.
func (a *Arena) Check(ctx context.Context, quiet bool) ([]string, error) {
	if err := a.begin(); err != nil {
		return nil, err
	}
	defer a.done()
	if err := a.lock(ctx); err != nil {
		return nil, err
	}
	defer a.unlock()
	c := &checker{a: a}
	if err := a.validate(); err != nil {
		c.reportf("header: %v", err)
		return c.found, nil
	}
	c.slots()
	c.entries()
	c.chains()
	c.heap(quiet)
	return c.found, nil
}

type checker struct {
	a     *Arena
	found []string
	owned map[uint64]uint32 // blocks that objects say are theirs
}

func (c *checker) reportf(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

func (c *checker) slots() {
	a := c.a
	top := atom.Load32(&a.head().procTop)
	if top > futex.MaxSlot {
		c.reportf("processes: the table ends at slot %d of %d", top, futex.MaxSlot)
		return
	}
	for i := uint32(1); i <= top; i++ {
		switch st := identState(atom.Load32(&a.slot(i).ident)); st {
		case slotLive:
			c.guest(i)
		case slotFree, slotJoining:
		default:
			c.reportf("slot %d: state %d", i, st)
		}
	}
}

// guest looks at the host of slot i, if it has one. A guest that is not known to be dead
// has a process for a host: that one leaves after its guests, and dies after them.
func (c *checker) guest(i uint32) {
	a, s := c.a, c.a.slot(i)
	id, host, live := atom.Load32(&s.ident), a.hostOf(i), atom.Load32(&s.live)
	if host == 0 || live&futexOwnerDied != 0 || live == futex.Polled {
		return
	}
	if (!a.listed(host) || a.hostOf(host.Slot()) != 0) && atom.Load32(&s.ident) == id {
		c.reportf("slot %d: a guest of %v, which is no process", i, host)
	}
}

func (c *checker) entries() {
	a, h := c.a, c.a.head()
	c.owned = make(map[uint64]uint32)
	live, named, lanes := uint32(0), uint32(0), uint32(0)
	if h.entryTop > a.mostEntries() {
		c.reportf("directory: ends at entry %d of %d", h.entryTop, a.mostEntries())
		return
	}
	for i := range h.entryTop {
		e := a.entry(i)
		state := e.state & entryStates
		if used := *a.entryBits(i / 64)&(1<<(i%64)) != 0; used != (state != entryFree) {
			c.reportf("entry %d: state %d, but its bit says in use %t", i, state, used)
		}
		switch state {
		case entryFree:
			continue
		case entryLive:
			live++
			if e.kind() != lane {
				named++
			}
		case entryRemoved:
			if a.attachedTo(i) == 0 {
				c.reportf("entry %d: removed, attached to no process, and not freed", i)
			}
		default:
			c.reportf("entry %d: state %d", i, state)
			continue
		}
		if e.kind() == lane {
			lanes++
		}
		c.entry(i, e)
	}
	if named != h.objects || lanes != h.lanes || live != h.entryCount {
		c.reportf("directory: %d objects, %d lanes and %d live entries, counted %d, %d and %d", named, lanes, live,
			h.objects, h.lanes, h.entryCount)
	}
}

func (c *checker) entry(i uint32, e *entry) {
	a := c.a
	off := e.place()
	if w := a.owner(off); w == nil {
		c.reportf("entry %d: no block at %#x", i, off)
		return
	} else if *w != ownedBy(i) {
		c.reportf("entry %d: its block at %#x belongs to %#x", i, off, *w)
		return
	} else if !a.intact(i) {
		c.reportf("entry %d: its block at %#x is too small for a %v", i, off, e.kind())
		return
	}
	c.owned[off] = i
	b := at[blockHead](a, off)
	if blockHeadSize+b.payload()+b.nameLen() > a.blockSize(off) {
		c.reportf("entry %d: %d bytes and a name of %d do not fit its block", i, b.payload(), b.nameLen())
		return
	}
	if last := a.head().serial; b.serial == 0 || b.serial > last {
		c.reportf("entry %d: serial %d, and the last is %d", i, b.serial, last)
	}
	if name := string(a.nameOf(e)); nameHash(name) != e.hash {
		c.reportf("entry %d: hash %#x is not that of %q", i, e.hash, name)
	}
	if e.typ != 0 && a.typeText(e.typ) == "" {
		c.reportf("entry %d: type %d of %d", i, e.typ, a.head().typeCount)
	}
	if check := kinds[e.kind()].Check; check != nil {
		check(a, a.ref(i), func(s string) { c.reportf("%v %q: %s", e.kind(), a.nameOf(e), s) })
	}
}

func (c *checker) chains() {
	a, h := c.a, c.a.head()
	seen := uint32(0)
	for b := range uint32(a.bucketCount()) {
		for i := *a.bucket(b); i != 0; i = a.entry(i - 1).next {
			if i > h.entryTop {
				c.reportf("bucket %d: entry %d is beyond the top", b, i-1)
				break
			}
			e := a.entry(i - 1)
			if !e.isLive() || a.bucketOf(e.hash) != b {
				c.reportf("bucket %d: entry %d does not belong there", b, i-1)
			}
			if seen++; seen > h.entryCount {
				c.reportf("bucket %d: more entries in chains than the %d counted", b, h.entryCount)
				return
			}
		}
	}
	if seen != h.entryCount {
		c.reportf("directory: %d entries in chains, %d counted", seen, h.entryCount)
	}
}

func (c *checker) heap(quiet bool) {
	a, h := c.a, c.a.head()
	var used, committed uint64
	for i := range h.entryTop {
		if a.entry(i).isInUse() {
			used += entrySize
			if blocks := kinds[a.entry(i).kind()].Blocks; quiet && blocks != nil && a.intact(i) {
				blocks(a, a.ref(i), func(off uint64) { c.owned[off] = i })
			}
		}
	}
	a.eachBlock(func(off uint64, owner uint32) {
		if ch, _, small, _ := a.locate(off); small {
			used += a.blockSize(off) + 4
		} else {
			used += uint64(a.runOf(ch)) * chunkSize
		}
		switch {
		case owner&objectOwned != 0:
			i, ok := c.owned[off]
			if quiet && !ok {
				c.reportf("block %#x: belongs to entry %d, which does not know it", off, owner&^objectOwned)
			} else if ok && ownedBy(i) != owner {
				c.reportf("block %#x: belongs to %#x and is used by entry %d", off, owner, i)
			}
			delete(c.owned, off)
		case quiet || !a.listed(futex.ID(owner)):
			c.reportf("block %#x: in the hands of process %v", off, futex.ID(owner))
		}
	})
	if quiet {
		for off, i := range c.owned {
			c.reportf("entry %d: its block %#x is free", i, off)
		}
	}
	for i := uint32(0); i < h.chunkTop; {
		d := a.chunk(i)
		switch {
		case d.state&chunkStates == chunkRun:
			committed += uint64(a.runOf(i)) * chunkSize
			i += a.runOf(i)
			continue
		case d.state&chunkPages != 0:
			committed += chunkSize
		}
		i++
	}
	if used != h.used || committed != h.committed {
		c.reportf("heap: %d bytes used and %d committed, counted %d and %d", used, committed, h.used, h.committed)
	}
}
