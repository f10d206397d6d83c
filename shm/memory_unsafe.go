package shm

import (
	"unsafe"

	"github.com/carom-ipc/carom/futex"
)

// pointer is for fields in files that do no arithmetic.
type pointer = unsafe.Pointer

// at is the shared T at an offset. An offset that was read from a damaged arena may be
// beyond the mapping: then it is a T of this process's own that means nothing.
// Precondition:
//   - off is a multiple of T's alignment.
func at[T any](a *Arena, off uint64) *T {
	if off > a.size-outsideSize {
		return (*T)(unsafe.Pointer(a.outside))
	}
	return (*T)(unsafe.Add(a.base, off))
}

// outsideSize is the size of the largest thing that at returns. Nothing that long is at
// the mapping's very end, where the last chunk is.
const outsideSize = page

// words is the n shared Ts from an offset on, nil beyond the mapping.
func words[T any](a *Arena, off uint64, n int) []T {
	var t T
	if n < 0 || off > a.size || uint64(n) > (a.size-off)/max(1, uint64(unsafe.Sizeof(t))) {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Add(a.base, off)), n)
}

func (a *Arena) bytes(off, n uint64) []byte { return words[byte](a, off, int(n)) }

func (a *Arena) head() *header              { return at[header](a, 0) }
func (a *Arena) slot(i uint32) *slot        { return at[slot](a, slotsAt+slotSize*uint64(i)) }
func (a *Arena) record(i uint32) *record    { return at[record](a, recordsAt+recordLen*uint64(i)) }
func (a *Arena) entry(i uint32) *entry      { return at[entry](a, entriesAt+entrySize*uint64(i)) }
func (a *Arena) bucket(i uint32) *uint32    { return at[uint32](a, bucketsAt+4*uint64(i)) }
func (a *Arena) chunk(i uint32) *chunk      { return at[chunk](a, chunksAt+chunkDesc*uint64(i)) }
func (a *Arena) entryBits(w uint32) *uint64 { return at[uint64](a, entryBitsAt+8*uint64(w)) }

// attachment is the word of slot's attachment bits in which entry i has its bit.
func (a *Arena) attachment(slot, i uint32) *uint64 {
	return at[uint64](a, attachAt+attachSize*uint64(slot)+uint64(i)/64*8)
}

// blockOwner is the owner word of small block i of a chunk.
func (a *Arena) blockOwner(c, i uint32) *uint32 {
	return at[uint32](a, heapAt+chunkSize*uint64(c)+4*uint64(i))
}

func basePointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

func (a *Arena) basePtr() *byte { return (*byte)(a.base) }

// layoutSizes are all sizes and places on which processes must agree.
func layoutSizes() []uint64 {
	return []uint64{
		layoutVersion, uint64(unsafe.Sizeof(header{})), uint64(unsafe.Sizeof(record{})),
		uint64(unsafe.Sizeof(slot{})), uint64(unsafe.Sizeof(entry{})), uint64(unsafe.Sizeof(chunk{})),
		uint64(unsafe.Sizeof(blockHead{})), uint64(unsafe.Sizeof(futex.Mutex{})),
		uint64(unsafe.Offsetof(header{}.lock)), uint64(unsafe.Offsetof(record{}.sweeping)),
		uint64(unsafe.Offsetof(header{}.entryCount)), uint64(unsafe.Offsetof(header{}.parking)),
		slotsAt, recordsAt, typesAt, typeTextAt, bucketsAt, entryBitsAt, entriesAt, chunksAt, chunkSize,
		attachAt, heapAt, futex.MaxSlot, futex.MaxDirect, futex.Buckets, numClasses, queueHeadSize, segmentHead,
		uint64(byteOrder()),
	}
}

func byteOrder() byte {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one))
}
