package shm

import "github.com/carom-ipc/carom/internal/atom"

// A segment counts the items that were taken out of it and are not done. All that is here is
// changed under the head's lock, and derived again when that is taken over.

// open is a segment's count of items in the window that are not done.
func (q *Items) open(seg uint64) *uint64 { return q.long(seg + 24) }

// behind is a segment's predecessor in the window; it means nothing in the first.
func (q *Items) behind(seg uint64) *uint64 { return q.long(seg + 16) }

func (q *Items) count(seg uint64, n int) { atom.Put64(q.open(seg), atom.Load64(q.open(seg))+uint64(n)) }

// unpin frees a segment in the middle of the window whose items are all done. base's segment
// goes when base leaves it, and the cursor's is not at its end.
func (q *Items) unpin(seg uint64) {
	if atom.Load64(q.open(seg)) != 0 || seg == segmentOf(q.h.base) || seg == segmentOf(q.h.head.cursor) {
		return
	}
	last, next := atom.Load64(q.behind(seg)), atom.Load64(q.long(seg))
	if q.a.blockSize(last) == 0 || q.a.blockSize(next) == 0 || atom.Load64(q.long(last)) != seg {
		return // others have spoilt the chain
	}
	if segmentOf(q.h.returnedFrom) == seg {
		atom.Put64(&q.h.returnedFrom, cursorAt(next, segmentHead))
	}
	atom.Put64(q.behind(next), last)
	q.retiring(seg)
	atom.Store64(q.long(last), next)
	q.retired()
}

// linkBack derives the links of the window's segments, and forgets their counts.
func (q *Items) linkBack() {
	last := uint64(0)
	q.eachSegment(func(seg uint64) bool {
		atom.Put64(q.behind(seg), last)
		atom.Put64(q.open(seg), 0)
		last = seg
		return true
	})
}
