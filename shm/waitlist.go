package shm

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// waitList is what semaphores, conditions and barriers are made of: a table of nodes,
// each named by the process that it belongs to, under a robust lock. A waiting
// goroutine has a node and sleeps on the node's own word, so exactly those are woken
// that are meant; a permit that is held is a node too.
//
//	field       | who writes     | meaning
//	lock        | lockers        | who takes it over from the dead derives the rest anew
//	first, last | lock's owner   | nodes that wait, by ticket; index plus one (derived)
//	free        | lock's owner   | list of free nodes, index plus one (derived)
//	top         | lock's owner   | nodes at or above were never used
//	waiting     | lock's owner   | nodes that wait (derived)
//	tickets     | lock's owner   | number of tickets given out
//	blocks      | lock's owner   | memory of the nodes; one that does not belong to the
//	            |                | object was being added by a process that died
//	word, total | the kind       | see semaphore.go and barrier.go
//	phase       | the kind       | permits: a node that is held, index plus one, the first of a
//	            |                | list (derived); barriers: see there
//
// A node exists from the store of its state, with its id and ticket before it, to the
// store of 0 there. If its process dies, the sweep removes it, and passes on what it had
// been granted.
type waitList struct {
	lock        futex.Mutex
	first, last uint32
	free, top   uint32
	waiting     uint32
	word        uint32
	total       uint32
	phase       uint32
	held        uint32 // permits: nodeHeld (derived)
	granted     uint32 // permits: nodeGranted (derived)
	tickets     uint64
	inline      [inlineNodes]node
	blocks      [maxNodeBlocks]uint64
}

// node is one waiter or one permit.
//
//	offset | width | field  | meaning
//	0      | 4     | state  | nodeFree…; bit 31: its waiter sleeps. The futex word.
//	4      | 4     | id     | the process
//	8      | 8     | ticket | order of arrival
//	16     | 4     | next   | in the list of waiters, of permits or of free nodes (derived)
//	20     | 4     | prev   |
//	24     | 4     | value  | what the kind says to the waiter beside its state
type node struct {
	state, id  uint32
	ticket     uint64
	next, prev uint32
	value, _   uint32
}

const (
	nodeFree = iota
	nodeWaiting
	nodeGranted // what it waited for is its own
	nodeBroken  // it waits in vain
	nodeHeld    // a permit

	nodeAsleep = 1 << 31

	inlineNodes   = 4
	firstNodes    = 32 // in the first block; each has twice as many as the one before
	maxNodeBlocks = 20
	mostNodes     = inlineNodes + firstNodes*(1<<maxNodeBlocks-1)
)

// waiters is a waitList with what is needed to work on it.
type waiters struct {
	*waitList
	a     *Arena
	index uint32
	d     *futex.Domain // for the list's lock, which is held for moments, and for wake-ups
	u     *Handle       // whose calls wait for what the list is for; nil for the sweep
	mend  func()        // after a takeover, the kind's part of it; may be nil

	permits bool
}

// enter enters the list in the middle of a call: to leave it half done is not possible.
func (w *waiters) enter(ctx context.Context) error {
	recovered, err := w.lock.Lock(ctx, w.d, futex.TakeOver)
	return w.entered(recovered, err)
}

// begin enters the list at the beginning of a call, which the handle's Close may end.
func (w *waiters) begin(ctx context.Context) error {
	recovered, err := w.u.lock(ctx, &w.lock, futex.TakeOver)
	return w.entered(recovered, err)
}

func (w *waiters) entered(recovered bool, err error) error {
	if err == nil && (recovered || w.waiting > w.top || w.top > mostNodes) { // dead, or damaged
		w.rebuild()
	}
	return err
}

func (w *waiters) leave() { _ = w.lock.Unlock(w.d) }

// leaveTo leaves and wakes somebody, in this order if nobody waits for the lock: else who is
// woken on this processor would run into the lock. It is the other way round where unlocking
// takes a wake-up too, as nobody may hold one and wait for another.
func (w *waiters) leaveTo(next futex.Wakeup) {
	free := w.lock.TryDisown(w.d)
	next.Wake()
	if !free {
		w.leave()
	}
}

// locate finds the block of node i and its place there.
func (w *waiters) locate(i uint32) (block int, at uint64) {
	k := (i-inlineNodes)/firstNodes + 1
	block = bits.Len32(k) - 1
	return block, uint64(i - inlineNodes - firstNodes*(1<<block-1))
}

func (w *waiters) node(i uint32) *node {
	if i < inlineNodes {
		return &w.inline[i]
	}
	block, n := w.locate(i)
	if block >= maxNodeBlocks || w.blocks[block] == 0 { // damaged
		return nodeAt(w.a, w.a.size, 0)
	}
	return nodeAt(w.a, w.blocks[block], n)
}

// add makes a node in a state, at the end of the list if it waits.
func (w *waiters) add(ctx context.Context, state uint32) (uint32, error) {
	i := w.free
	if i == 0 {
		if err := w.grow(ctx); err != nil {
			return 0, err
		}
		i = w.free
	}
	n := w.node(i - 1)
	atom.Put32(&w.free, n.next)
	atom.Put64(&w.tickets, w.tickets+1)
	atom.Put64(&n.ticket, w.tickets)
	atom.Put32(&n.value, 0)
	atom.Put32(&n.id, uint32(w.a.self))
	atom.Store32(&n.state, state)
	if state == nodeWaiting {
		w.link(i)
	}
	return i - 1, nil
}

// grow puts new nodes on the free list. A new block stands in blocks before it belongs
// to the object, so that it is never the object's and unknown to it.
func (w *waiters) grow(ctx context.Context) error {
	if w.top >= inlineNodes {
		block, at := w.locate(w.top)
		if block == maxNodeBlocks {
			return errs.ErrNoMemory
		}
		if at == 0 && w.blocks[block] == 0 {
			size := uint64(firstNodes<<block) * nodeSize
			off, err := w.a.allocFlight(ctx, w.u, size)
			if err != nil {
				return err
			}
			atom.Clear(w.a.bytes(off, size))
			atom.Store64(&w.blocks[block], off)
			w.a.give(off, w.index)
		}
	}
	n := w.node(w.top)
	atom.Put32(&n.next, w.free)
	atom.Put32(&w.top, w.top+1)
	atom.Put32(&w.free, w.top)
	return nil
}

func (w *waiters) link(i uint32) {
	n := w.node(i - 1)
	atom.Put32(&n.next, 0)
	atom.Put32(&n.prev, w.last)
	if w.last == 0 {
		atom.Put32(&w.first, i)
	} else {
		atom.Put32(&w.node(w.last-1).next, i)
	}
	atom.Put32(&w.last, i)
	atom.Put32(&w.waiting, w.waiting+1)
}

func (w *waiters) unlink(i uint32) {
	n := w.node(i - 1)
	if n.prev == 0 {
		atom.Put32(&w.first, n.next)
	} else {
		atom.Put32(&w.node(n.prev-1).next, n.next)
	}
	if n.next == 0 {
		atom.Put32(&w.last, n.prev)
	} else {
		atom.Put32(&w.node(n.next-1).prev, n.prev)
	}
	atom.Put32(&w.waiting, w.waiting-1)
}

// linkHeld puts a permit into the list of these: who holds none finds one to release.
func (w *waiters) linkHeld(i uint32) {
	n := w.node(i - 1)
	atom.Put32(&n.prev, 0)
	atom.Put32(&n.next, w.phase)
	if w.phase != 0 {
		atom.Put32(&w.node(w.phase-1).prev, i)
	}
	atom.Put32(&w.phase, i)
	atom.Put32(&w.held, w.held+1)
}

func (w *waiters) unlinkHeld(i uint32) {
	n := w.node(i - 1)
	if n.prev == 0 {
		atom.Put32(&w.phase, n.next)
	} else {
		atom.Put32(&w.node(n.prev-1).next, n.next)
	}
	if n.next != 0 {
		atom.Put32(&w.node(n.next-1).prev, n.prev)
	}
	atom.Put32(&w.held, w.held-1)
}

// remove frees node i, whatever its state.
func (w *waiters) remove(i uint32) {
	n := w.node(i)
	switch n.state &^ nodeAsleep {
	case nodeWaiting:
		w.unlink(i + 1)
	case nodeHeld:
		w.unlinkHeld(i + 1)
	}
	atom.Store32(&n.state, nodeFree)
	atom.Put32(&n.id, 0)
	atom.Put32(&n.next, w.free)
	atom.Put32(&w.free, i+1)
}

// settle ends the wait of the first in the list: its state tells it how. The caller wakes
// it, before it settles another.
func (w *waiters) settle(state, value uint32) futex.Wakeup {
	i := w.first
	if i == 0 { // damaged: nobody waits
		atom.Put32(&w.waiting, 0)
		return futex.Wakeup{}
	}
	n := w.node(i - 1)
	w.unlink(i)
	atom.Put32(&n.value, value)
	return w.d.Set(&n.state, state)
}

// await sleeps until node i is settled, the context ends or the handle is closed; then it
// enters the list and returns how the node stands. The caller leaves the list. nodeFree: it
// could not be entered, because the manager was closed. key is futex.Domain.Await's.
func (w *waiters) await(ctx context.Context, i uint32, key *uint32) (state uint32, err error) {
	n := w.node(i)
	err = w.u.Domain().Await(ctx, &n.state, nodeWaiting, key)
	if errors.Is(err, errs.ErrClosed) && w.d.Closed() {
		return nodeFree, err // the manager is being closed: its sweep does what is to be done
	}
	// The lock is held for moments; whoever gave up gets out all the same.
	if lerr := w.enter(context.Background()); lerr != nil {
		return nodeFree, lerr
	}
	return n.state &^ nodeAsleep, err
}

// used is top, or less if there is no memory for as many nodes.
func (w *waiters) used() uint32 {
	for b, off := range w.blocks {
		if first := uint32(inlineNodes + firstNodes*(1<<b-1)); w.top > first && w.a.blockSize(off) < uint64(firstNodes<<b)*nodeSize {
			return first
		} else if w.top <= first {
			break
		}
	}
	return min(w.top, mostNodes)
}

// each calls f with every node in use. f may remove it.
func (w *waiters) each(f func(i uint32, n *node)) {
	for i := range w.used() {
		if n := w.node(i); n.state != nodeFree {
			f(i, n)
		}
	}
}

// bequeath removes the nodes of a dead process and calls again for each that was granted
// something which it did not live to take. That comes before the node goes: a sweeper that
// dies between the two grants once too often, and nobody waits in vain.
func (w *waiters) bequeath(dead futex.ID, again func()) {
	w.each(func(i uint32, n *node) {
		if n.id == uint32(dead) && n.state&^nodeAsleep != nodeGranted {
			w.remove(i)
		}
	})
	w.each(func(i uint32, n *node) {
		if n.id == uint32(dead) {
			again()
			w.remove(i)
		}
	})
}

// rebuild derives the lists from the nodes, after the lock was taken over.
func (w *waiters) rebuild() {
	w.dropForeignBlocks()
	atom.Put32(&w.first, 0)
	atom.Put32(&w.last, 0)
	atom.Put32(&w.free, 0)
	atom.Put32(&w.waiting, 0)
	atom.Put32(&w.held, 0)
	if w.permits {
		atom.Put32(&w.phase, 0)
	}
	var waiting []uint32
	for i := range w.top {
		switch n := w.node(i); n.state &^ nodeAsleep {
		case nodeFree:
			atom.Put32(&n.next, w.free)
			atom.Put32(&w.free, i+1)
		case nodeWaiting:
			waiting = append(waiting, i)
		case nodeHeld:
			w.linkHeld(i + 1)
		}
	}
	slices.SortFunc(waiting, func(a, b uint32) int {
		if w.node(a).ticket < w.node(b).ticket {
			return -1
		}
		return 1
	})
	for _, i := range waiting {
		w.link(i + 1)
	}
	if w.mend != nil {
		w.mend()
	}
}

func (w *waiters) dropForeignBlocks() {
	for b, off := range w.blocks {
		if off == 0 {
			atom.Put32(&w.top, min(w.top, inlineNodes+firstNodes*(1<<b-1)))
			continue
		}
		if owner := w.a.owner(off); owner == nil || atom.Load32(owner) != ownedBy(w.index) {
			atom.Store64(&w.blocks[b], 0)
			atom.Put32(&w.top, min(w.top, inlineNodes+firstNodes*(1<<b-1)))
		}
	}
}

// blocksOf calls f with the blocks of the nodes.
func (w *waiters) blocksOf(f func(off uint64)) {
	for _, off := range w.blocks {
		if off != 0 {
			f(off)
		}
	}
}

func waitListOps(k Kind, open func(a *Arena, o Ref, d *futex.Domain) *waiters, sweep func(w *waiters, dead futex.ID)) {
	kinds[k].Sweep = func(a *Arena, d *futex.Domain, o Ref, dead futex.ID) {
		w := open(a, o, d)
		if dead != a.self {
			w.lock.Release(a.sentry, dead)
		}
		if w.enter(context.Background()) == nil {
			sweep(w, dead)
			w.leave()
		}
	}
	kinds[k].Free = func(a *Arena, o Ref) { open(a, o, nil).blocksOf(a.free) }
	kinds[k].Blocks = func(a *Arena, o Ref, f func(uint64)) { open(a, o, nil).blocksOf(f) }
	kinds[k].Check = func(a *Arena, o Ref, report func(string)) { open(a, o, nil).check(report) }
}

func (w *waiters) check(report func(string)) {
	if id, _ := w.lock.Holder(); id != 0 {
		if !w.a.listed(id) {
			report("its list is held by process " + id.String() + ", which is dead")
		}
		return // somebody is at work on it
	}
	w.d = w.a.sentry
	if _, err := w.lock.TryLock(w.d, futex.Report); err != nil {
		return // as before, or it was left by the dead, and who comes next derives the lists anew
	}
	defer w.leave()
	var nodes [nodeHeld + 1]uint32
	w.each(func(_ uint32, n *node) {
		state := n.state &^ nodeAsleep
		if id := futex.ID(n.id); state > nodeHeld {
			report("a node in no known state")
			return
		} else if !w.a.listed(id) {
			report("a node of process " + id.String() + ", which is dead")
		}
		nodes[state]++
	})
	free := w.used()
	for _, n := range nodes[nodeWaiting:] {
		free -= n
	}
	w.checkList(report, "waiters", w.first, nodeWaiting, nodes[nodeWaiting])
	w.checkList(report, "free nodes", w.free, nodeFree, free)
	if w.waiting != nodes[nodeWaiting] || w.held != nodes[nodeHeld] {
		report(fmt.Sprintf("%d waiters and %d permits held, counted %d and %d", nodes[nodeWaiting], nodes[nodeHeld], w.waiting, w.held))
	}
	if w.permits {
		w.checkList(report, "permits held", w.phase, nodeHeld, nodes[nodeHeld])
	}
}

// checkList follows a list of nodes in a state, of which there are want.
func (w *waiters) checkList(report func(string), what string, first, state, want uint32) {
	found, ticket, prev := uint32(0), uint64(0), uint32(0)
	for i := first; i != 0 && found <= want; i = w.node(i - 1).next {
		n := w.node(i - 1)
		if n.state&^nodeAsleep != state || state != nodeFree && n.prev != prev || state == nodeWaiting && n.ticket <= ticket {
			report("its list of " + what + " has a node that does not belong there")
			return
		}
		found, ticket, prev = found+1, n.ticket, i
	}
	if found != want || state == nodeWaiting && w.last != prev {
		report(fmt.Sprintf("its list of %s has %d of %d", what, found, want))
	}
}
