package shm

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// The queue is a log of items in a chain of segments, with a robust lock on each
// side, so that a producer and a consumer never share one (Michael and Scott's
// two-lock queue, 1996, with segments for nodes).
//
// An item is committed by the store of its header, a consumption by the store of the
// head cursor: one store each, so taking over a dead owner's lock needs no undo. What
// surrounds the one store (the other cursor words, blocks that change hands) is named
// in a journal beforehand, and finished or forgotten by whoever takes the lock over.
//
// Commits are plain stores. The unlock that follows is a full barrier, and only after it
// does either side look whether the other sleeps.
//
// queueHead, the payload's layout; each side has lines of its own:
//
//	field       | who writes      | meaning
//	cap         | creator         | items, 0 unbounded
//	flags       | creator         | queueConfirm
//	notEmpty…   | all             | notifiers
//	closed      | tail's owner    | no more items will come
//	done        | finishers       | items confirmed by TaskDone
//	serial      | tail's owner    | names segments and blocks, for the journals
//	bytes       | all             | of the segments and blocks
//	tail.cursor | tail's owner    | where the next item goes; behind the truth if the owner
//	            |                 | died after its commit: the journal has the new value
//	tail.count  | tail's owner    | items ever put; likewise
//	tail.next…  | tail's owner    | journal: cursor and count after the commit at cursor
//	tail.block… | tail's owner    | journal: the block that is being given to the queue
//	head.cursor | head's owner    | where the next item to take is: the commit of Get
//	head.count  | head's owner    | items ever taken; the journal has the new value
//	head.next…  | head's owner    | journal
//	head.block… | head's owner    | journal: the block that is being taken out
//	base        | head's owner    | confirmed queues: the first item not confirmed
//	returned    | head's owner    | items before head.cursor that wait to be taken again (derived)
//	returned…   | head's owner    | no returned item lies before it; 0 is base (derived)
type queueHead struct {
	cap      uint64
	flags    uint64
	_        [32]byte
	notEmpty futex.Notifier
	notFull  futex.Notifier
	joined   futex.Notifier
	closed   uint32
	done     uint64
	serial   uint64
	bytes    uint64
	_        [40]byte

	tail side
	_    [24]byte
	head side
	_    [24]byte

	base         uint64 // cursor of the first item not confirmed
	returnedFrom uint64 // cursor
	returned     uint64 // items in [base, head.cursor) that wait to be taken again
	_            [104]byte
}

// side is what one lock guards.
type side struct {
	lock        futex.Mutex
	cursor      uint64 // segment in units of 64 bytes << 32 | byte in the segment
	count       uint64
	nextCursor  uint64
	nextCount   uint64
	block       uint64
	blockSerial uint64
	limit       uint64 // the other side's count as last seen
	size        uint64 // of the cursor's segment, tail only
	_           [24]byte
}

// segment and item headers. Items are aligned to 8 bytes.
//
//	segment: next, 8 bytes | serial, 8 bytes | behind, 8 bytes | open, 8 bytes | items;
//	         the last two in the window of a confirmed queue: see queue_pinned.go
//	item:    word, 4 bytes: bits 0–1 tag, 2–31 length; 0 until committed
//	         taker, 4 bytes: confirmed queues: 0, the taker's ID, or a flag below
//	         payload: inline bytes, or the place of a block
//	block:   length, 8 bytes | serial, 8 bytes | payload
const (
	segmentHead  = 32
	itemHead     = 8
	blockItem    = 16 // block payload's head
	firstSegment = 4096
	nextSegment  = chunkSize
	MaxInline    = 8 * kib

	tagInline = 1
	tagBlock  = 2
	tagJump   = 3 // go on in the next segment

	takerDone     = 1 << 31
	takerReturned = 1 << 30

	queueConfirm = 1 // flag: AtLeastOnce
)

// Items is a queue of byte strings in an arena. It is safe for concurrent use.
type Items struct {
	o *Object
	a *Arena
	h *queueHead
	d *futex.Domain // for what is held for moments, and for wake-ups
	u *Handle       // whose calls wait for items and room; nil for the sweep

	most uint64 // bytes of an item that is taken
}

// A Claim is an item that was taken from a queue with confirmation: where it is.
type Claim uint64

// QueueSpec describes a queue: cap 0 is bounded by memory alone.
func QueueSpec(kind Kind, name, typ string, cap int, confirm bool) Spec {
	s := Spec{Name: name, Kind: kind, Type: typ, Param: uint64(cap), Payload: queueHeadSize,
		Describe: func(param uint64, flags uint32) string {
			return fmt.Sprintf("cap %d, at least once %t", param, flags&queueConfirm != 0)
		}}
	if confirm {
		s.Flags = queueConfirm
	}
	s.Init = func(payload []byte) { initQueue(payload, s.Param, uint64(s.Flags)) }
	return s
}

// ItemsOf is the queue behind a handle. Its first segment is made by whoever first needs it.
func ItemsOf(h *Handle) *Items {
	q := h.arena.items(h.Ref, h.Object, h.arena.domain)
	q.u = h
	return q
}

// Within is the queue for who has room for n bytes: a larger item is ErrTooLarge, and stays.
func (q *Items) Within(n int) *Items {
	within := *q
	within.most = uint64(max(n, 0))
	return &within
}

// Object is the attachment.
func (q *Items) Object() *Object { return q.o }

func cursorAt(seg uint64, pos uint64) uint64 { return seg/64<<32 | pos }
func segmentOf(cursor uint64) uint64         { return cursor >> 32 * 64 }
func positionOf(cursor uint64) uint64        { return cursor & (1<<32 - 1) }

// lockTail and lockHead are for the beginning of a call, which the handle's Close may end.
func (q *Items) lockTail(ctx context.Context) error {
	if q.h.tail.lock.TryOwn(q.d) {
		return nil
	}
	return q.holdTail(ctx, q.u.Domain())
}

func (q *Items) lockHead(ctx context.Context) error {
	if q.h.head.lock.TryOwn(q.d) {
		return nil
	}
	return q.holdHead(ctx, q.u.Domain())
}

// holdTail and holdHead lock for a caller that waits in d, which need not be the handle's: its Close
// must not end what is to be finished.
func (q *Items) holdTail(ctx context.Context, d *futex.Domain) error {
	recovered, err := q.h.tail.lock.Lock(ctx, d, futex.TakeOver)
	if err == nil && recovered {
		q.recoverTail()
	}
	return err
}

func (q *Items) holdHead(ctx context.Context, d *futex.Domain) error {
	recovered, err := q.h.head.lock.Lock(ctx, d, futex.TakeOver)
	if err == nil && recovered {
		q.recoverHead()
	}
	return err
}

func (q *Items) unlockTail() { _ = q.h.tail.lock.Unlock(q.d) }
func (q *Items) unlockHead() { _ = q.h.head.lock.Unlock(q.d) }

// Len is the number of items that can be taken. Both counts move meanwhile; it never
// is less than 0.
func (q *Items) Len() int {
	head := atom.Load64(&q.h.head.count)
	n := int(atom.Load64(&q.h.tail.count)-head) + int(atom.Load64(&q.h.returned))
	return max(n, 0)
}

// Cap is the limit in items, 0 for none.
func (q *Items) Cap() int { return int(q.h.cap) }

// Full reports that a bounded queue has as many items as it may have.
func (q *Items) Full() bool { return q.h.cap != 0 && uint64(q.Len()) >= q.h.cap }

// Closed reports that CloseWrite was called.
func (q *Items) Closed() bool { return atom.Load32(&q.h.closed) != 0 }

// CloseWrite ends the queue: Put is ErrClosed from now on, Get drains. The handle's Close does
// not end its wait for those who put.
func (q *Items) CloseWrite(ctx context.Context) error {
	if err := q.holdTail(ctx, q.d); err != nil {
		return err
	}
	defer q.unlockTail()
	if q.Closed() {
		return errs.ErrClosed
	}
	atom.Store32(&q.h.closed, 1)
	q.h.notEmpty.NotifyAll(q.d)
	q.h.notFull.NotifyAll(q.d)
	q.flush()
	return nil
}

// Put appends one item, which is head and body together. Errors: ErrClosed, ErrTooLarge,
// ErrNoMemory, ErrFull where wait is false, the context's.
func (q *Items) Put(ctx context.Context, head, body []byte, wait bool) error {
	if len(head)+len(body) > MaxInline {
		return q.putLarge(ctx, head, body, wait)
	}
	if err := q.admit(ctx, wait); err != nil {
		return err
	}
	err := q.append(ctx, head, body)
	q.unlockTail()
	q.afterPut(err)
	return err
}

// PutMany appends items of size bytes each that lie one after the other in b, as many
// at a time as there is room, and returns how many it stored.
func (q *Items) PutMany(ctx context.Context, b []byte, size int) (int, error) {
	n := 0
	for len(b) > 0 {
		if err := q.admit(ctx, true); err != nil {
			return n, err
		}
		batch := len(b) / size
		if q.h.cap != 0 {
			batch = min(batch, int(q.h.cap-q.pending()))
		}
		done, err := q.appendMany(ctx, b, size, batch)
		q.unlockTail()
		n += done
		b = b[done*size:]
		q.afterPut(err)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// afterPut wakes whoever an attempt to put concerns: a consumer, or, if it failed, another
// who waits for the room.
func (q *Items) afterPut(err error) {
	q.h.notEmpty.Notify(q.d)
	if err != nil && q.h.cap != 0 {
		q.h.notFull.Notify(q.d)
	}
}

// admit returns with the tail's lock held and room for one item.
func (q *Items) admit(ctx context.Context, wait bool) error {
	for {
		if err := q.lockTail(ctx); err != nil {
			q.h.notFull.Notify(q.d) // room of which this one was told is another's
			return err
		}
		switch {
		case q.Closed():
			q.unlockTail()
			return errs.ErrClosed
		case q.h.cap == 0 || q.pending() < q.h.cap:
			if q.h.cap != 0 && q.pending()+1 < q.h.cap {
				q.h.notFull.Notify(q.d) // room for the next one who waits
			}
			return nil
		}
		q.unlockTail()
		if !wait {
			return errs.ErrFull
		}
		room := func() bool { return !q.Full() || q.Closed() }
		if !q.h.notFull.Spin(q.d, q.someRoom()) {
			q.flush()
		}
		if err := q.h.notFull.Wait(ctx, q.u.Domain(), room); err != nil {
			return err
		}
	}
}

// someRoom tells a producer that spins when to go on: with one free place after the
// other it would take turns with the consumer, a cache line's round trip for each item.
// So it waits for an eighth of the queue, as long as consumers are making room.
func (q *Items) someRoom() func() bool {
	seen, since := 0, 0
	return func() bool {
		n := q.Len()
		if n != seen {
			seen, since = n, 0
		}
		since++
		return n < int(q.h.cap-q.h.cap/8) || n < int(q.h.cap) && since > 50 || q.Closed()
	}
}

// pending is Len as a producer needs it: it looks at the consumers' line only when
// the count last seen there says full. Precondition: the tail's lock is held.
func (q *Items) pending() uint64 {
	t := &q.h.tail
	if n := t.count - t.limit; n < q.h.cap && !q.Confirms() { // what went back takes room again
		return n
	}
	returned := atom.Load64(&q.h.returned) // first: it never is more than was taken
	atom.Put64(&t.limit, atom.Load64(&q.h.head.count)-returned)
	return t.count - t.limit
}

// append writes one item behind the tail and commits it.
func (q *Items) append(ctx context.Context, head, body []byte) error {
	size := uint64(len(head) + len(body))
	need := itemHead + roundUp(size, 8)
	if err := q.room(ctx, need); err != nil {
		return err
	}
	t := &q.h.tail
	seg, pos := segmentOf(t.cursor), positionOf(t.cursor)
	if len(head) > 0 {
		q.write(seg+pos+itemHead, head)
	}
	q.write(seg+pos+itemHead+uint64(len(head)), body)
	q.zeroItem(seg + pos + need)
	next := cursorAt(seg, pos+need)
	atom.Put64(&t.nextCursor, next)
	atom.Put64(&t.nextCount, t.count+1)
	atom.Publish32(q.word(seg+pos), uint32(size)<<2|tagInline)
	q.advanceTail(next, t.count+1)
	return nil
}

// appendMany writes up to n items of size bytes and commits as many as fit into the
// segment at once: the header of the first is stored last.
func (q *Items) appendMany(ctx context.Context, b []byte, size, n int) (int, error) {
	need := itemHead + roundUp(uint64(size), 8)
	if err := q.room(ctx, need); err != nil {
		return 0, err
	}
	t := &q.h.tail
	seg, pos := segmentOf(t.cursor), positionOf(t.cursor)
	n = min(n, int((t.size-itemHead-pos)/need))
	word := uint32(size)<<2 | tagInline
	for i := range n {
		at := seg + pos + uint64(i)*need
		q.write(at+itemHead, b[i*size:(i+1)*size])
		if i > 0 {
			q.putItem(at, word)
		}
	}
	q.zeroItem(seg + pos + uint64(n)*need)
	next := cursorAt(seg, pos+uint64(n)*need)
	atom.Put64(&t.nextCursor, next)
	atom.Put64(&t.nextCount, t.count+uint64(n))
	atom.Publish32(q.word(seg+pos), word)
	q.advanceTail(next, t.count+uint64(n))
	return n, nil
}

// room makes sure that need bytes and the header of a jump fit behind the cursor, if
// need be in a new segment.
func (q *Items) room(ctx context.Context, need uint64) error {
	t := &q.h.tail
	if t.cursor != 0 && positionOf(t.cursor)+need+itemHead <= t.size {
		return nil
	}
	size := uint64(nextSegment)
	if t.cursor == 0 {
		size = max(firstSegment, roundUp(segmentHead+need+itemHead, 64))
	}
	seg, err := q.a.allocFlight(ctx, q.u, size)
	if err != nil {
		return err
	}
	size = q.a.blockSize(seg)
	atom.Put64(q.long(seg), 0)
	atom.Put64(q.open(seg), 0)
	atom.Put64(q.serialOf(seg), q.give(seg, size))
	q.zeroItem(seg + segmentHead)
	q.a.give(seg, q.o.Index)
	if t.cursor != 0 {
		from, pos := segmentOf(t.cursor), positionOf(t.cursor)
		atom.Put64(q.long(from), seg)
		atom.Put64(&t.nextCursor, cursorAt(seg, segmentHead))
		atom.Put64(&t.nextCount, t.count)
		atom.Store32(q.word(from+pos), tagJump)
	} else {
		// The first: the consumers' cursors are the commit, the tail's comes after.
		atom.Put64(&t.nextCursor, cursorAt(seg, segmentHead))
		atom.Put64(&t.nextCount, t.count)
		atom.Store64(&q.h.base, cursorAt(seg, segmentHead))
		atom.Store64(&q.h.head.cursor, cursorAt(seg, segmentHead))
	}
	q.advanceTail(t.nextCursor, t.count)
	atom.Put64(&t.size, size)
	return nil
}

// advanceTail follows a commit. The cursor comes last: while it stands at a committed
// header, recoverTail knows that the journal applies.
func (q *Items) advanceTail(cursor, count uint64) {
	t := &q.h.tail
	atom.Publish64(&t.count, count)
	if t.block != 0 {
		atom.Put64(&t.block, 0)
	}
	atom.Put64(&t.cursor, cursor)
}

// give names a block in the tail's journal and returns its serial.
func (q *Items) give(off, size uint64) uint64 {
	t := &q.h.tail
	serial := q.h.serial + 1
	atom.Put64(&q.h.serial, serial)
	atom.Put64(&t.blockSerial, serial)
	atom.Put64(&t.block, off)
	atom.Add64(&q.h.bytes, size)
	return serial
}

// recoverTail finishes what the dead owner of the tail's lock had committed, and
// frees a block that it had given to the queue and not yet committed.
func (q *Items) recoverTail() {
	t := &q.h.tail
	committed := false
	if t.cursor == 0 {
		committed = atom.Load64(&q.h.head.cursor) != 0
	} else {
		committed = atom.Load32(q.word(placeOf(t.cursor))) != 0 || q.jumped()
	}
	if committed {
		q.advanceTail(t.nextCursor, t.nextCount)
	} else if t.block != 0 {
		if t.cursor == 0 {
			atom.Store64(&q.h.base, 0)
		}
		q.discard(t.block, t.blockSerial)
		atom.Put64(&t.block, 0)
	}
	if t.cursor != 0 {
		atom.Put64(&t.size, q.a.blockSize(segmentOf(t.cursor)))
	}
	q.h.notEmpty.NotifyAll(q.d)
}

// jumped reports that a consumer has gone over the jump at the tail's cursor already. Then the
// segment there is free, and the word in it may be another's.
func (q *Items) jumped() bool {
	next := segmentOf(q.h.tail.nextCursor)
	return next != segmentOf(q.h.tail.cursor) && next == segmentOf(atom.Load64(&q.h.head.cursor))
}

// discard frees a block that a journal names, if it still is the one that was named
// and the queue owns it.
func (q *Items) discard(off, serial uint64) {
	w := q.a.owner(off)
	if w == nil || atom.Load32(w) != ownedBy(q.o.Index) || atom.Load64(q.serialOf(off)) != serial {
		return
	}
	q.retireBlock(off)
}

// retireBlock frees a block of the queue's through this process's hands, so that it
// is always somebody's.
func (q *Items) retireBlock(off uint64) {
	atom.Add64(&q.h.bytes, -q.a.blockSize(off))
	q.a.take(off)
	_ = q.a.drop(context.Background(), q.d, off)
}

// ready reports that Get may find something. The segment under the cursor may be
// freed meanwhile; then the answer is a false positive, corrected under the lock.
func (q *Items) ready() bool {
	if atom.Load64(&q.h.returned) != 0 {
		return true
	}
	cursor := atom.Load64(&q.h.head.cursor)
	if cursor == 0 {
		return q.Closed()
	}
	return atom.Load32(q.word(segmentOf(cursor)+positionOf(cursor))) != 0 || q.Closed() && !q.othersHold()
}

// Join waits until every item put was confirmed with Done.
func (q *Items) Join(ctx context.Context) error {
	for {
		finished := func() bool { return atom.Load64(&q.h.done) >= atom.Load64(&q.h.tail.count) }
		if finished() {
			return nil
		}
		if err := q.h.joined.Wait(ctx, q.u.Domain(), finished); err != nil {
			return err
		}
		q.h.joined.Notify(q.d)
	}
}
