package shm

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// An item that is confirmed late keeps its own segment and no other, nor a large item's block
// that is done, whether segments come to their end as consumers leave them or later.
func TestLateConfirmation(t *testing.T) {
	q, r := queues(t, Queue, 0, true)
	ctx := t.Context()
	var late []Claim
	number, next := uint64(0), uint64(0)
	put := func(size int) {
		b := make([]byte, size)
		binary.LittleEndian.PutUint64(b, number)
		number++
		require.NoError(t, q.Put(ctx, nil, b, true))
	}
	take := func(q *Items) Claim {
		b, c := get(t, q)
		require.Equal(t, next, binary.LittleEndian.Uint64(b))
		next++
		return c
	}
	for round := range 40 {
		put(100)
		late = append(late, take(r))
		var claims []Claim
		for i := range 600 {
			if i%100 == 0 {
				put(3 * MaxInline)
			} else {
				put(1000)
			}
			if c := take(q); round%2 == 0 {
				require.NoError(t, q.Done(ctx, c))
			} else {
				claims = append(claims, c)
			}
		}
		for i := range claims {
			require.NoError(t, q.Done(ctx, claims[(i*7)%len(claims)]))
		}
		segments := 0
		q.eachSegment(func(uint64) bool { segments++; return true })
		require.LessOrEqual(t, segments, len(late)+1)
		require.LessOrEqual(t, q.a.Stats().Used, int64((len(late)+4)*chunkSize))
		q.flush()
		sound(t, q.a, true)
	}
	for i := range late {
		require.NoError(t, r.Done(ctx, late[(i*7)%len(late)]))
	}
	require.NoError(t, q.Join(ctx))
	require.LessOrEqual(t, q.a.Stats().Used, int64(4*chunkSize))
	sound(t, q.a, true)
}

// What is taken over in any state of the window has the same items as before.
func TestTakeoverOfGaps(t *testing.T) {
	q, r := queues(t, Queue, 0, true)
	ctx := t.Context()
	var late []Claim
	for i := range 1000 {
		require.NoError(t, q.Put(ctx, nil, make([]byte, 1000), true))
		_, c := get(t, r)
		if i%200 == 0 {
			late = append(late, c)
		} else {
			require.NoError(t, r.Done(ctx, c))
		}
	}
	h := *q.h
	q.h.returnedFrom = 1 << 40
	q.eachSegment(func(seg uint64) bool { atom.Put64(q.open(seg), 99); atom.Put64(q.behind(seg), 99); return true })
	require.NoError(t, q.lockHead(ctx))
	q.recoverHead()
	q.unlockHead()
	require.Equal(t, h.done, q.h.done)
	require.Equal(t, h.base, q.h.base)
	for _, c := range late {
		require.NoError(t, r.Return(ctx, c))
	}
	for range late {
		_, c := get(t, q)
		require.NoError(t, q.Done(ctx, c))
	}
	require.NoError(t, q.Join(ctx))
	sound(t, q.a, true)
	require.LessOrEqual(t, q.a.Stats().Used, int64(4*chunkSize))
}

// Items that come back are found in a time that grows with their number, in order, whatever
// the order in which they were given back.
func TestReturnedInLinearTime(t *testing.T) {
	const n = 150_000
	q, r := queues(t, Queue, 0, true)
	ctx := t.Context()
	many := make([]byte, 8*n)
	for i := range uint64(n) {
		binary.LittleEndian.PutUint64(many[8*i:], i)
	}
	_, err := q.PutMany(ctx, many, 8)
	require.NoError(t, err)
	claims, got, err := r.GetMany(ctx, n, func(int, []byte) {})
	require.NoError(t, err)
	require.Equal(t, n, got)
	begin := time.Now()
	for i := range claims {
		require.NoError(t, r.Return(ctx, claims[(i*7919)%n]))
	}
	next := uint64(0)
	again, got, err := q.GetMany(ctx, n, func(_ int, b []byte) {
		if binary.LittleEndian.Uint64(b) == next {
			next++
		}
	})
	require.NoError(t, err)
	require.Equal(t, n, got)
	require.EqualValues(t, n, next, "in order")
	require.Less(t, time.Since(begin), 20*time.Second)
	for _, c := range again {
		require.NoError(t, q.Done(ctx, c))
	}
	require.NoError(t, q.Join(ctx))
}

// A producer that died after it had gone on in a new segment has done so, also if consumers
// have left the old one, whose memory is another's.
func TestTakeoverBehindAJump(t *testing.T) {
	for _, confirm := range []bool{false, true} {
		q, r := queues(t, Queue, 0, confirm)
		ctx := t.Context()
		require.NoError(t, q.Put(ctx, nil, []byte("a"), true))
		_, c := get(t, r)
		old := q.h.tail.cursor
		require.NoError(t, q.lockTail(ctx))
		require.NoError(t, q.room(ctx, firstSegment))
		h := &q.h.tail
		seg := segmentOf(h.cursor)
		require.NotEqual(t, segmentOf(old), seg)
		h.cursor = old // as the dead left it
		q.unlockTail()
		_, err := r.Get(ctx, false, nil, nil)
		require.ErrorIs(t, err, errs.ErrEmpty)
		if confirm {
			require.NoError(t, r.Done(ctx, c))
		}
		require.NotEqual(t, ownedBy(q.o.Index), atom.Load32(q.a.owner(segmentOf(old))))
		q.zeroItem(placeOf(old))
		require.NoError(t, q.lockTail(ctx))
		q.recoverTail()
		q.unlockTail()
		require.Equal(t, cursorAt(seg, segmentHead), h.cursor)
		require.NoError(t, q.Put(ctx, nil, []byte("b"), true))
		b, _ := get(t, r)
		require.Equal(t, "b", string(b))
	}
}
