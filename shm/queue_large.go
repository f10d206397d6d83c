package shm

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// Reserve takes a block for an item of n bytes, to be filled and then given to
// Commit or Drop. It is this process's until then: its death frees it. Errors:
// ErrTooLarge for more than the budget, ErrNoMemory.
func (q *Items) Reserve(ctx context.Context, n int) (block uint64, buf []byte, err error) {
	if n < 0 {
		return 0, nil, fmt.Errorf("a length of %d: %w", n, errs.ErrTooLarge)
	}
	block, err = q.reserve(ctx, blockItem+uint64(n))
	if err != nil {
		return 0, nil, err
	}
	return block, q.a.bytes(block+blockItem, uint64(n)), nil
}

// Drop frees a reserved or received block.
func (q *Items) Drop(block uint64) error { return q.release(block) }

// Commit appends the first n bytes of a reserved block as an item. Where it fails,
// the block is still the caller's.
func (q *Items) Commit(ctx context.Context, block uint64, n int, wait bool) error {
	if err := q.admit(ctx, wait); err != nil {
		return err
	}
	err := q.room(ctx, itemHead+16)
	if err == nil {
		size := q.a.blockSize(block)
		atom.Put64(q.long(block), uint64(n))
		atom.Put64(q.serialOf(block), q.give(block, size))
		q.a.give(block, q.o.Index)
		err = q.appendBlock(block, uint64(n))
	}
	q.unlockTail()
	q.afterPut(err)
	return err
}

// appendBlock commits an item that is a block's place and length. There is room.
func (q *Items) appendBlock(block, n uint64) error {
	t := &q.h.tail
	seg, pos := segmentOf(t.cursor), positionOf(t.cursor)
	atom.Put64(q.long(seg+pos+itemHead), block)
	atom.Put64(q.long(seg+pos+itemHead+8), n)
	q.zeroItem(seg + pos + itemHead + 16)
	next := cursorAt(seg, pos+itemHead+16)
	atom.Put64(&t.nextCursor, next)
	atom.Put64(&t.nextCount, t.count+1)
	atom.Publish32(q.word(seg+pos), 16<<2|tagBlock)
	q.advanceTail(next, t.count+1)
	return nil
}

// putLarge copies the item into a block outside the lock.
func (q *Items) putLarge(ctx context.Context, head, body []byte, wait bool) error {
	if q.Closed() {
		return errs.ErrClosed
	}
	if !wait && q.Full() {
		return errs.ErrFull
	}
	block, buf, err := q.Reserve(ctx, len(head)+len(body))
	if err != nil {
		return err
	}
	atom.Copy(buf[atom.Copy(buf, head):], body)
	if err := q.Commit(ctx, block, len(buf), wait); err != nil {
		_ = q.Drop(block)
		return err
	}
	return nil
}

// Receive takes the next item as a block that is this process's until Drop, without
// copying it. Precondition: every item of the queue was put by Commit.
func (q *Items) Receive(ctx context.Context, wait bool) (block uint64, view []byte, err error) {
	t, err := q.get(ctx, wait, func([]byte) {})
	switch {
	case err != nil:
		return 0, nil, err
	case t.block == 0:
		return 0, nil, fmt.Errorf("an item without a block: %w", errs.ErrCorrupt)
	}
	return t.block, q.a.bytes(t.block+blockItem, t.n), nil
}
