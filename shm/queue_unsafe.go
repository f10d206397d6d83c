package shm

import (
	"math"
	"unsafe"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

// queuePad brings the payload, which begins 16 bytes into its block, to a cache line.
const queuePad = 48

const queueHeadSize = queuePad + uint64(unsafe.Sizeof(queueHead{}))

func (a *Arena) items(r Ref, o *Object, d *futex.Domain) *Items {
	if o == nil { // the sweep's: not attached by this process
		o = &Object{Ref: r, arena: a}
	}
	return &Items{o: o, a: a, h: at[queueHead](a, r.Off+queuePad), d: d, most: math.MaxUint64}
}

func initQueue(payload []byte, cap, flags uint64) {
	h := (*queueHead)(unsafe.Pointer(&payload[queuePad]))
	atom.Put64(&h.cap, cap)
	atom.Put64(&h.flags, flags)
}

// word is the header word of the item at off; 0 until the item is committed.
func (q *Items) word(off uint64) *uint32 { return at[uint32](q.a, off) }

// taker is the second word of the header.
func (q *Items) taker(off uint64) *uint32 { return at[uint32](q.a, off+4) }

// serialOf is the serial of a segment, in its second word, or of a block, likewise.
func (q *Items) serialOf(off uint64) *uint64 { return q.long(off + 8) }

func (q *Items) long(off uint64) *uint64 { return at[uint64](q.a, off) }

// write copies bytes of an item that is not committed yet.
func (q *Items) write(off uint64, b []byte) { atom.Copy(q.a.bytes(off, uint64(len(b))), b) }

func (q *Items) zeroItem(off uint64) { atom.Put64(q.long(off), 0) }

// putItem writes the header of an item that a later store commits.
func (q *Items) putItem(off uint64, word uint32) { atom.Put64(q.long(off), uint64(word)) }
