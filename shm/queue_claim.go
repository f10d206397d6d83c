package shm

import (
	"context"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// With confirmation, items stay in their segments after they were taken, with the
// taker's ID in their headers, until Done. What is between base and the head's cursor
// is the window: taken, returned or done. base moves over what is done; a segment in the
// middle of the window whose items are all done leaves the chain, so that an item which is
// confirmed late keeps no segment but its own. See queue_pinned.go.

// placeOf is where an item is.
func placeOf(cursor uint64) uint64 { return segmentOf(cursor) + positionOf(cursor) }

// eachItem calls f with the cursor of each item from one to the head's cursor until it returns
// false. Preconditions:
//   - the head's lock is held.
//   - from is in the window.
func (q *Items) eachItem(from uint64, f func(cursor uint64) bool) {
	for c, steps := from, 0; c != q.h.head.cursor && steps < mostSteps; steps++ {
		seg, pos := segmentOf(c), positionOf(c)
		word := atom.Load32(q.word(seg + pos))
		switch {
		case word == tagJump:
			c = cursorAt(atom.Load64(q.long(seg)), segmentHead)
			continue
		case word == 0 || !f(c):
			return
		}
		c = cursorAt(seg, pos+itemHead+roundUp(uint64(word>>2), 8))
	}
}

// eachInWindow is eachItem from base on.
func (q *Items) eachInWindow(f func(cursor uint64) bool) { q.eachItem(q.h.base, f) }

// eachSegment calls f with each segment of the window until it returns false. The last
// one's link is not followed: a producer may have died before it meant anything.
func (q *Items) eachSegment(f func(seg uint64) bool) {
	last := segmentOf(q.h.head.cursor)
	for c, steps := segmentOf(q.h.base), 0; q.a.blockSize(c) != 0 && steps < maxChunks; steps++ {
		next := atom.Load64(q.long(c)) // f may free it
		if !f(c) || c == last {
			return
		}
		c = next
	}
}

// firstReturned finds the returned item that comes first.
func (q *Items) firstReturned() (cursor uint64, ok bool) {
	from := q.h.returnedFrom
	if from == 0 {
		from = q.h.base
	}
	q.eachItem(from, func(c uint64) bool {
		if atom.Load32(q.taker(placeOf(c))) == takerReturned {
			cursor, ok = c, true
		}
		return !ok
	})
	return cursor, ok
}

// retake gives a returned item to this process.
func (q *Items) retake(cursor uint64, put func([]byte)) (taken, error) {
	off := placeOf(cursor)
	t, err := q.itemAt(off, atom.Load32(q.word(off)))
	if err != nil {
		return t, err
	}
	if t.block == 0 {
		put(q.a.bytes(off+itemHead, t.n))
	}
	atom.Store32(q.taker(off), uint32(q.a.self))
	atom.Add64(&q.h.returned, ^uint64(0))
	atom.Put64(&q.h.returnedFrom, cursor)
	t.claim = Claim(cursor)
	return t, nil
}

// giveBack marks an item as returned.
func (q *Items) giveBack(cursor uint64) {
	returned := atom.Add64(&q.h.returned, 1)
	atom.Store32(q.taker(placeOf(cursor)), takerReturned)
	if returned == 1 || q.isBefore(cursor, q.h.returnedFrom) {
		atom.Put64(&q.h.returnedFrom, cursor)
	}
}

// isBefore compares places in the chain. A segment's serial is greater than those of all
// before it. 0 is the chain's beginning.
func (q *Items) isBefore(one, other uint64) bool {
	if a, b := segmentOf(one), segmentOf(other); other != 0 && a != b {
		return atom.Load64(q.serialOf(a)) < atom.Load64(q.serialOf(b))
	}
	return one < other
}

// Done confirms an item. Errors: ErrOverRelease if it is not this process's any more.
func (q *Items) Done(ctx context.Context, c Claim) error {
	if err := q.holdHead(ctx, q.d); err != nil {
		return err
	}
	defer q.unlockHead()
	off := placeOf(uint64(c))
	if c == 0 || atom.Load32(q.taker(off)) != uint32(q.a.self) {
		return errs.ErrOverRelease
	}
	if atom.Load32(q.word(off))&3 == tagBlock {
		q.retiring(*q.long(off + itemHead))
	}
	atom.Store32(q.taker(off), takerDone)
	q.o.claims.Add(-1)
	atom.Add64(&q.h.done, 1)
	q.retired()
	q.count(segmentOf(uint64(c)), -1)
	q.unpin(segmentOf(uint64(c)))
	q.moveBase()
	q.finished()
	return nil
}

// Return gives an item that was taken back to the front.
func (q *Items) Return(ctx context.Context, c Claim) error {
	if err := q.holdHead(ctx, q.d); err != nil {
		return err
	}
	defer q.unlockHead()
	if c == 0 || atom.Load32(q.taker(placeOf(uint64(c)))) != uint32(q.a.self) {
		return errs.ErrOverRelease
	}
	q.giveBack(uint64(c))
	q.o.claims.Add(-1)
	q.h.notEmpty.Notify(q.d)
	return nil
}

// finished wakes those whom a confirmation may concern.
func (q *Items) finished() {
	q.h.joined.Notify(q.d)
	if q.Closed() {
		q.h.notEmpty.NotifyAll(q.d) // the last confirmation is the end of file
	}
}

// DoneAny counts one more item as finished, in a queue without confirmation.
func (q *Items) DoneAny() error {
	for {
		done := atom.Load64(&q.h.done)
		// A producer counts its item after it can be taken.
		if done >= max(atom.Load64(&q.h.tail.count), atom.Load64(&q.h.head.count)) {
			return errs.ErrOverRelease
		}
		if atom.CAS64(&q.h.done, done, done+1) {
			q.h.joined.Notify(q.d)
			return nil
		}
	}
}

// moveBase moves base over confirmed items and frees the segments that lie behind it.
func (q *Items) moveBase() {
	for steps := 0; q.h.base != q.h.head.cursor && steps < mostSteps; steps++ {
		seg, pos := segmentOf(q.h.base), positionOf(q.h.base)
		word := atom.Load32(q.word(seg + pos))
		switch {
		case word == tagJump:
			if segmentOf(q.h.returnedFrom) == seg {
				atom.Put64(&q.h.returnedFrom, 0)
			}
			q.retiring(seg)
			atom.Store64(&q.h.base, cursorAt(atom.Load64(q.long(seg)), segmentHead))
			q.retired()
			continue
		case word == 0 || atom.Load32(q.taker(seg+pos)) != takerDone:
			return
		}
		atom.Store64(&q.h.base, cursorAt(seg, pos+itemHead+roundUp(uint64(word>>2), 8)))
	}
}

// retiring names a block in the head's journal that the store which follows takes out of the
// window: a segment, or that of a large item.
func (q *Items) retiring(block uint64) {
	h := &q.h.head
	atom.Put64(&h.blockSerial, atom.Load64(q.serialOf(block)))
	atom.Put64(&h.block, block)
}

// retired frees what the journal names.
func (q *Items) retired() {
	h := &q.h.head
	if h.block == 0 {
		return
	}
	q.retireBlock(h.block)
	atom.Put64(&h.block, 0)
}

// recoverClaims derives the counts of the window again.
func (q *Items) recoverClaims() {
	h := &q.h.head
	if h.block != 0 { // the owner died on either side of the store that takes it out
		if !q.inWindow(h.block) {
			q.discard(h.block, h.blockSerial)
		}
		atom.Put64(&h.block, 0)
	}
	atom.Put64(&q.h.returnedFrom, 0)
	q.linkBack()
	var window, done, returned uint64
	q.eachInWindow(func(c uint64) bool {
		off := placeOf(c)
		window++
		switch atom.Load32(q.taker(off)) {
		case takerDone:
			done++
			return true
		case takerReturned:
			returned++
		case 0: // its taker died between the cursor and here: cannot be, the claim comes first
			returned++
			atom.Store32(q.taker(off), takerReturned)
		}
		q.count(segmentOf(c), 1)
		return true
	})
	atom.Store64(&q.h.done, h.count-window+done)
	atom.Store64(&q.h.returned, returned)
	if word := q.word(placeOf(h.cursor)); *word != 0 && *word != tagJump {
		atom.Store32(q.taker(placeOf(h.cursor)), 0) // claimed, not taken
	}
	q.moveBase()
	q.eachSegment(func(seg uint64) bool { q.unpin(seg); return true })
	q.finished()
}

// inWindow reports whether a segment is in the chain still, or a block in an item that is not
// done.
func (q *Items) inWindow(block uint64) (in bool) {
	q.eachSegment(func(c uint64) bool {
		in = c == block
		return !in
	})
	q.eachInWindow(func(c uint64) bool {
		in = in || q.hasBlock(placeOf(c)) && *q.long(placeOf(c) + itemHead) == block
		return !in
	})
	return in
}

// hasBlock reports that the block of the item at off is there: one of a confirmed queue goes
// when the item is done.
func (q *Items) hasBlock(off uint64) bool {
	return atom.Load32(q.word(off))&3 == tagBlock && !(q.Confirms() && atom.Load32(q.taker(off)) == takerDone)
}

// othersHold reports that other processes, and not this one, have items that are not
// confirmed: those may come back. Only confirmed queues have such items.
func (q *Items) othersHold() bool {
	if !q.Confirms() {
		return false
	}
	open := atom.Load64(&q.h.head.count) - atom.Load64(&q.h.done) - atom.Load64(&q.h.returned)
	return int64(open) > 0 && q.o.claims.Load() == 0
}

// reclaim returns a dead process's items to the front. The head's lock is held.
func (q *Items) reclaim(dead futex.ID) {
	n := 0
	q.eachInWindow(func(c uint64) bool {
		if atom.Load32(q.taker(placeOf(c))) == uint32(dead) {
			q.giveBack(c)
			n++
		}
		return true
	})
	if n > 0 {
		q.h.notEmpty.NotifyAll(q.d)
	}
}
