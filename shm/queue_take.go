package shm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// taken is an item that left the queue under the head's lock.
type taken struct {
	claim Claim
	block uint64 // of a large item, now this process's; 0 for an inline one
	n     uint64 // bytes
}

// Get takes the next item. One of small and large is called with its bytes once: small
// under the queue's lock, so it must copy them and be quick, large without. Errors: io.EOF
// when the queue is closed and drained, ErrEmpty where wait is false, ErrClosed, the
// context's.
func (q *Items) Get(ctx context.Context, wait bool, small, large func([]byte)) (Claim, error) {
	t, err := q.get(ctx, wait, small)
	if t.block != 0 {
		err = q.finishLarge(t, large)
	}
	return t.claim, err
}

// get takes the next item. What is large is left to the caller, outside the lock.
func (q *Items) get(ctx context.Context, wait bool, put func([]byte)) (taken, error) {
	for {
		if err := q.lockHead(ctx); err != nil {
			q.h.notEmpty.Notify(q.d) // an item of which this one was told is another's
			return taken{}, err
		}
		t, err := q.take(put)
		q.unlockHead()
		if err == nil {
			q.o.claimed(t.claim)
			q.tookOne()
			return t, nil
		}
		if !errors.Is(err, errs.ErrEmpty) {
			q.flush()
			q.h.notEmpty.Notify(q.d) // the others need to learn of it too
			return taken{}, t.explain(err)
		}
		if !wait {
			return taken{}, err
		}
		if err := q.awaitItem(ctx); err != nil {
			return taken{}, err
		}
	}
}

// awaitItem waits until Get may find something. With confirmation, whether a closed queue
// is at its end depends on who asks: nobody queues up behind another then.
func (q *Items) awaitItem(ctx context.Context) error {
	switch {
	case !q.Confirms():
		if q.h.notEmpty.Spin(q.d, q.ready) {
			return nil
		}
		q.flush()
		return q.h.notEmpty.Sleep(ctx, q.u.Domain(), q.ready)
	case q.Closed():
		return q.h.notEmpty.WaitApart(ctx, q.u.Domain(), q.ready)
	}
	return q.h.notEmpty.Wait(ctx, q.u.Domain(), func() bool { return q.Closed() || q.ready() })
}

// tookOne wakes whoever the new state concerns.
func (q *Items) tookOne() {
	if q.h.cap != 0 {
		q.h.notFull.Notify(q.d)
	}
	if q.h.notEmpty.Sleepers() && q.ready() {
		q.h.notEmpty.Notify(q.d)
	}
}

// finishLarge copies a large item's bytes and frees its block, outside the lock. With
// confirmation the block stays the queue's.
func (q *Items) finishLarge(t taken, put func([]byte)) error {
	if t.block == 0 {
		return nil
	}
	put(q.a.bytes(t.block+blockItem, t.n))
	if q.Confirms() {
		return nil
	}
	return q.release(t.block)
}

// Confirms reports that items stay until Done.
func (q *Items) Confirms() bool { return q.h.flags&queueConfirm != 0 }

// take takes one item. Precondition: the head's lock is held.
func (q *Items) take(put func([]byte)) (taken, error) {
	if atom.Load64(&q.h.returned) != 0 {
		if cursor, ok := q.firstReturned(); ok {
			return q.retake(cursor, put)
		}
		atom.Store64(&q.h.returned, 0)
	}
	word, err := q.front()
	if err != nil {
		return taken{}, err
	}
	h := &q.h.head
	seg, pos := segmentOf(h.cursor), positionOf(h.cursor)
	t, err := q.itemAt(seg+pos, word)
	if err != nil {
		return t, err
	}
	if word&3 == tagInline {
		put(q.a.bytes(seg+pos+itemHead, t.n))
	}
	next := cursorAt(seg, pos+itemHead+roundUp(uint64(word>>2), 8))
	atom.Put64(&h.nextCursor, next) // first: while it is not the cursor, the journal says nothing
	atom.Put64(&h.nextCount, h.count+1)
	switch {
	case q.Confirms():
		t.claim = Claim(h.cursor)
		atom.Store32(q.taker(seg+pos), uint32(q.a.self))
		q.count(seg, 1)
	case t.block != 0:
		atom.Put64(&h.blockSerial, atom.Load64(q.serialOf(t.block)))
		atom.Put64(&h.block, t.block)
	}
	atom.Publish64(&h.cursor, next)
	if t.block != 0 && !q.Confirms() {
		atom.Add64(&q.h.bytes, -q.a.blockSize(t.block))
		q.a.take(t.block)
	}
	q.advanceHead()
	return t, nil
}

// advanceHead follows the store of the cursor.
func (q *Items) advanceHead() {
	h := &q.h.head
	if h.block != 0 {
		atom.Put64(&h.block, 0)
	}
	atom.Publish64(&h.count, h.nextCount)
}

// explain is an error of take's in words, which are found when the lock has been given back.
func (t taken) explain(err error) error {
	if errors.Is(err, errs.ErrTooLarge) {
		return fmt.Errorf("an item of %d bytes: %w", t.n, err)
	}
	return err
}

// itemAt reads an item's header and checks that what it says can be, and is wanted.
func (q *Items) itemAt(off uint64, word uint32) (t taken, err error) {
	switch word & 3 {
	case tagInline:
		if t.n = uint64(word >> 2); t.n > MaxInline {
			return t, errs.ErrCorrupt
		}
	case tagBlock:
		t.block, t.n = *q.long(off + itemHead), *q.long(off + itemHead + 8)
		if size := q.a.blockSize(t.block); size < blockItem || t.n > size-blockItem {
			return t, errs.ErrCorrupt
		}
	default:
		return t, errs.ErrCorrupt
	}
	if t.n > q.most {
		return t, errs.ErrTooLarge
	}
	return t, nil
}

// front is the header of the next item, after skipping jumps. Producers work meanwhile:
// a header is looked at once, and a closed queue is at its end only if there was nothing
// after it was seen to be closed.
func (q *Items) front() (uint32, error) {
	for closed, jumped := false, false; ; {
		word, cursor := uint32(0), atom.Load64(&q.h.head.cursor)
		if cursor != 0 {
			word = atom.Load32(q.word(segmentOf(cursor) + positionOf(cursor)))
		}
		switch {
		case word == tagJump && jumped: // no segment is without an item
			return 0, errs.ErrCorrupt
		case word == tagJump:
			if err := q.skipJump(); err != nil {
				return 0, err
			}
			jumped = true
		case word != 0:
			return word, nil
		case closed && !q.othersHold():
			return 0, io.EOF
		case closed || !q.Closed():
			return 0, errs.ErrEmpty
		default:
			closed = true
		}
	}
}

// skipJump moves the head over the end of a segment, and frees the segment unless
// items in it are still to be confirmed, or base is in it.
func (q *Items) skipJump() error {
	h := &q.h.head
	seg := segmentOf(h.cursor)
	next := atom.Load64(q.long(seg))
	if q.a.blockSize(next) == 0 {
		return errs.ErrCorrupt
	}
	atom.Put64(&h.nextCursor, cursorAt(next, segmentHead))
	atom.Put64(&h.nextCount, h.count)
	if q.Confirms() {
		atom.Put64(q.behind(next), seg)
	} else {
		q.retiring(seg)
	}
	atom.Store64(&h.cursor, cursorAt(next, segmentHead))
	if !q.Confirms() {
		q.retireBlock(seg)
	}
	q.advanceHead()
	if q.Confirms() {
		q.unpin(seg)
	}
	return nil
}

// recoverHead finishes what the dead owner of the head's lock had committed.
func (q *Items) recoverHead() {
	h := &q.h.head
	committed := h.cursor != 0 && h.cursor == h.nextCursor
	if committed {
		atom.Store64(&h.count, h.nextCount)
	}
	switch {
	case q.Confirms() && h.cursor != 0:
		q.recoverClaims()
	case h.block != 0:
		if committed {
			q.discard(h.block, h.blockSerial)
		}
		atom.Put64(&h.block, 0)
	}
	q.h.notEmpty.NotifyAll(q.d)
	q.h.notFull.NotifyAll(q.d)
}

// GetMany takes up to n items of a queue of fixed-size items, what is there, waiting
// only for the first. put copies each item. An error beside items is that of the last one's
// block; what ends the call between two items leaves the others for the next.
func (q *Items) GetMany(ctx context.Context, n int, put func(i int, b []byte)) (claims []Claim, got int, err error) {
	for got < n {
		claims = q.roomForClaims(claims, n)
		claims, got, err = q.takeMany(ctx, n, claims, put)
		switch {
		case got > 0:
			q.tookOne()
			return claims, got, err
		case !errors.Is(err, errs.ErrEmpty):
			q.h.notEmpty.Notify(q.d) // what this one was told of is another's, or the end is
			return claims, got, err
		}
		if err = q.awaitItem(ctx); err != nil {
			return claims, got, err
		}
	}
	return claims, got, nil
}

// roomForClaims makes room for the claims of what is there now: under the queue's lock nobody
// looks for memory.
func (q *Items) roomForClaims(claims []Claim, n int) []Claim {
	if !q.Confirms() {
		return nil
	}
	return slices.Grow(claims, min(n, max(q.Len(), fewClaims)))
}

// fewClaims is room for what comes between the look at the length and the lock.
const fewClaims = 16

// takeMany takes what is there, up to n items and the room for claims. It gives the lock back
// for the bytes of a large item.
func (q *Items) takeMany(ctx context.Context, n int, claims []Claim, put func(i int, b []byte)) (_ []Claim, got int, err error) {
	one := func(b []byte) { put(got, b) }
	if err := q.lockHead(ctx); err != nil {
		return claims, 0, err
	}
	for got < n && (!q.Confirms() || len(claims) < cap(claims)) {
		t, err := q.take(one)
		if err != nil {
			q.unlockHead()
			if got > 0 {
				return claims, got, nil // the next call meets it again
			}
			return claims, 0, t.explain(err)
		}
		if t.claim != 0 {
			q.o.claimed(t.claim)
			claims = append(claims, t.claim)
		}
		if t.block == 0 {
			got++
			continue
		}
		q.unlockHead()
		err = q.finishLarge(t, one)
		if got++; err != nil || got == n {
			return claims, got, err
		}
		if q.lockHead(ctx) != nil {
			return claims, got, nil
		}
	}
	q.unlockHead()
	return claims, got, nil
}
