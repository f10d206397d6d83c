package shm

import (
	"context"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// With confirmation, items stay in their segments after they were taken, with the
// taker's ID in their headers, until Done. What is between base and the head's cursor
// is the window: taken, returned or done. base moves over what is done.

// eachInWindow calls f with each item from base to the head's cursor until it returns
// false. Precondition: the head's lock is held.
func (q *Items) eachInWindow(f func(off uint64) bool) {
	for c, steps := q.h.base, 0; c != q.h.head.cursor && steps < mostSteps; steps++ {
		seg, pos := segmentOf(c), positionOf(c)
		word := atom.Load32(q.word(seg + pos))
		switch {
		case word == tagJump:
			c = cursorAt(atom.Load64(q.long(seg)), segmentHead)
			continue
		case word == 0 || !f(seg+pos):
			return
		}
		c = cursorAt(seg, pos+itemHead+roundUp(uint64(word>>2), 8))
	}
}

// eachSegment calls f with each segment of the window until it returns false. The last
// one's link is not followed: a producer may have died before it meant anything.
func (q *Items) eachSegment(f func(seg uint64) bool) {
	last := segmentOf(q.h.head.cursor)
	steps := 0
	for c := segmentOf(q.h.base); c != 0 && f(c) && c != last && steps < maxChunks; c = atom.Load64(q.long(c)) {
		steps++
	}
}

func (q *Items) findTaker(taker uint32) (off uint64, ok bool) {
	q.eachInWindow(func(o uint64) bool {
		if atom.Load32(q.taker(o)) == taker {
			off, ok = o, true
		}
		return !ok
	})
	return off, ok
}

// retake gives a returned item to this process.
func (q *Items) retake(off uint64, put func([]byte)) (taken, error) {
	t, err := q.itemAt(off, atom.Load32(q.word(off)))
	if err != nil {
		return t, err
	}
	if t.block == 0 {
		put(q.a.bytes(off+itemHead, t.n))
	}
	atom.Store32(q.taker(off), uint32(q.a.self))
	atom.Add64(&q.h.returned, ^uint64(0))
	t.claim = q.claimAt(off)
	return t, nil
}

// claimAt rebuilds the cursor of an item in the window.
func (q *Items) claimAt(off uint64) (found Claim) {
	q.eachSegment(func(c uint64) bool {
		if off >= c && off < c+q.a.blockSize(c) {
			found = Claim(cursorAt(c, off-c))
		}
		return found == 0
	})
	return found
}

// Done confirms an item. Errors: ErrOverRelease if it is not this process's any more.
func (q *Items) Done(ctx context.Context, c Claim) error {
	if err := q.holdHead(ctx, q.d); err != nil {
		return err
	}
	defer q.unlockHead()
	off := segmentOf(uint64(c)) + positionOf(uint64(c))
	if c == 0 || atom.Load32(q.taker(off)) != uint32(q.a.self) {
		return errs.ErrOverRelease
	}
	atom.Store32(q.taker(off), takerDone)
	q.o.claims.Add(-1)
	atom.Add64(&q.h.done, 1)
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
	off := segmentOf(uint64(c)) + positionOf(uint64(c))
	if c == 0 || atom.Load32(q.taker(off)) != uint32(q.a.self) {
		return errs.ErrOverRelease
	}
	atom.Add64(&q.h.returned, 1)
	atom.Store32(q.taker(off), takerReturned)
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

// moveBase moves base over confirmed items and frees what lies behind it.
func (q *Items) moveBase() {
	for steps := 0; q.h.base != q.h.head.cursor && steps < mostSteps; steps++ {
		seg, pos := segmentOf(q.h.base), positionOf(q.h.base)
		word := atom.Load32(q.word(seg + pos))
		h := &q.h.head
		switch {
		case word == tagJump:
			atom.Put64(&h.blockSerial, atom.Load64(q.serialOf(seg)))
			atom.Put64(&h.block, seg)
			atom.Store64(&q.h.base, cursorAt(atom.Load64(q.long(seg)), segmentHead))
			q.retireBlock(seg)
			atom.Put64(&h.block, 0)
			continue
		case word == 0 || atom.Load32(q.taker(seg+pos)) != takerDone:
			return
		}
		if word&3 == tagBlock {
			block := *q.long(seg + pos + itemHead)
			atom.Put64(&h.blockSerial, atom.Load64(q.serialOf(block)))
			atom.Put64(&h.block, block)
		}
		atom.Put64(&q.h.baseCount, q.h.baseCount+1)
		atom.Store64(&q.h.base, cursorAt(seg, pos+itemHead+roundUp(uint64(word>>2), 8)))
		if h.block != 0 {
			q.retireBlock(h.block)
			atom.Put64(&h.block, 0)
		}
	}
}

// recoverClaims derives the counts of the window again.
func (q *Items) recoverClaims() {
	h := &q.h.head
	if h.block != 0 { // the owner died in moveBase, on either side of its store
		if !q.inWindow(h.block) {
			q.discard(h.block, h.blockSerial)
		}
		atom.Put64(&h.block, 0)
	}
	var window, done, returned uint64
	q.eachInWindow(func(off uint64) bool {
		window++
		switch atom.Load32(q.taker(off)) {
		case takerDone:
			done++
		case takerReturned:
			returned++
		case 0: // its taker died between the cursor and here: cannot be, the claim comes first
			returned++
			atom.Store32(q.taker(off), takerReturned)
		}
		return true
	})
	atom.Put64(&q.h.baseCount, h.count-window)
	atom.Store64(&q.h.done, h.count-window+done)
	atom.Store64(&q.h.returned, returned)
	if word := q.word(segmentOf(h.cursor) + positionOf(h.cursor)); *word != 0 && *word != tagJump {
		atom.Store32(q.taker(segmentOf(h.cursor)+positionOf(h.cursor)), 0) // claimed, not taken
	}
	q.moveBase()
	q.finished()
}

// inWindow reports whether base has not yet passed the segment or item of a block.
func (q *Items) inWindow(block uint64) (in bool) {
	q.eachSegment(func(c uint64) bool {
		in = c == block
		return !in
	})
	q.eachInWindow(func(off uint64) bool {
		in = in || atom.Load32(q.word(off))&3 == tagBlock && *q.long(off + itemHead) == block
		return !in
	})
	return in
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
	q.eachInWindow(func(off uint64) bool {
		if atom.Load32(q.taker(off)) == uint32(dead) {
			atom.Add64(&q.h.returned, 1)
			atom.Store32(q.taker(off), takerReturned)
			n++
		}
		return true
	})
	if n > 0 {
		q.h.notEmpty.NotifyAll(q.d)
	}
}
