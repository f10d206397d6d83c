package shm

import (
	"hash/fnv"

	"github.com/carom-ipc/carom/futex"
)

// The regions of the memfd. Offsets and sizes in bytes.
//
//	offset      | size               | region
//	0           | 4 KiB              | header
//	64 KiB      | 4096 × 32          | slots: ident and liveness of each process
//	1 MiB       | 4096 × 2 KiB       | records: wait and wake records, pid
//	16 MiB      | 65536 × 16         | types: fingerprint, place of the signature
//	32 MiB      | 32 MiB             | text of type signatures
//	64 MiB      | 2^24 × 4           | buckets of the directory
//	128 MiB     | 2^24 / 8           | entry bitmap, derived: entries in use
//	256 MiB     | 2^24 × 32          | directory entries
//	1 GiB       | 2^20 × 32          | chunk descriptors
//	8 GiB       | 4096 × 2 MiB       | attachment bits, one for each entry and slot
//	16 GiB      | rest               | heap: chunks of 64 KiB
const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30

	slotsAt   = 64 * kib
	slotSize  = 32
	recordsAt = 1 * mib
	recordLen = 2 * kib

	typesAt     = 16 * mib
	typeSize    = 16
	maxTypes    = 1 << 16
	typeTextAt  = 32 * mib
	maxTypeText = 32 * mib

	bucketsAt   = 64 * mib
	entryBitsAt = 128 * mib
	entriesAt   = 256 * mib
	entrySize   = 32
	maxEntries  = 1 << 24

	chunksAt   = 1 * gib
	chunkDesc  = 32
	maxChunks  = 1 << 20
	chunkSize  = 64 * kib
	attachAt   = 8 * gib
	attachSize = maxEntries / 8
	heapAt     = 16 * gib

	minSize = 64 * gib

	page = 4 * kib

	magic         = 0x6d6f_7261_6300_0001 // "\x01\0carom" read as little-endian, and a version
	layoutVersion = 5
)

// header is the first page.
//
//	field      | who writes             | if the writer dies before the next store
//	magic…id   | the creator            | ready stays 0: openers answer ErrCorrupt
//	ready      | the creator, last      |
//	lock       | lockers                | the next locker takes over and rebuilds
//	directory… | holders of lock        | derived, rebuilt
//	typeCount  | holders of lock        | the type is not there
//	serial     | holders of lock, each  | no object has the number, and none ever will: serials
//	           | time they make an      | need not be dense, only grow
//	           | object                 |
//	procTop    | joiners (maximum)      |
//	parking    | see package futex      |
type header struct {
	magic       uint64
	version     uint32
	ready       uint32
	fingerprint uint64
	id          [16]byte
	budget      uint64
	size        uint64
	_           [8]byte

	// A cache line (two, for the adjacent-line prefetcher) for each group of words
	// that are written together.
	lock futex.Mutex
	_    [112]byte

	entryCount uint32 // entries in the chains
	entryTop   uint32 // no entry at or above was ever used
	level      uint32 // linear hashing: buckets double at each level
	split      uint32 // next bucket to split
	entryHint  uint32 // no entry below is free
	typeCount  uint32
	typeText   uint32 // bytes of signatures
	chunkTop   uint32 // no chunk at or above was ever used
	chunkHint  uint32 // no chunk below is free
	committed  uint64 // bytes that may have pages behind them
	used       uint64 // bytes of blocks and entries in use
	serial     uint64 // of the object that was made last; 0 before the first
	idle       uint64 // bytes of free chunks that have pages
	objects    uint32 // that have a name and are not lanes
	lanes      uint32
	recoveries uint32 // deaths swept
	rebuilds   uint32 // times the derived state was rebuilt
	closed     uint32 // the manager was shut down
	partial    [numClasses]uint32
	_          [64]byte

	procTop uint32
	_       [124]byte
	parking [futex.Buckets]uint32
}

// slot is a process's place in the dense table that everybody scans.
//
//	offset | width | field   | who writes            | meaning
//	0      | 4     | ident   | the process, sweepers | bits 0–2 state, 3–19 generation
//	4      | 4     | live    | the process, kernel   | a robust futex: thread id and FUTEX_WAITERS while
//	       |       |         |                       | it lives; the kernel sets FUTEX_OWNER_DIED. A
//	       |       |         |                       | guest's is in its host's list
//	8      | 4     | kick    | joiners               | counts changes of the slot's neighbourhood; its watcher sleeps on it
//	12     | 4     | watched | the process, kernel   | another robust futex, for its predecessor's watcher alone
//	16     | 4     | mode    | the process           | liveRobust or liveFile: who keeps live
//	20     | 4     | host    | the process           | of a guest: the process that it is a guest of; 0 none.
//	       |       |         |                       | See process_guest.go
//
// There are two liveness words because the kernel wakes one waiter, and that one may be
// dying too: whoever waits for what the dead held sleeps on live, the watcher by itself on
// watched. The words are as far apart as the nodes of the robust list.
//
// If the process dies while joining, its file lock on the slot's byte is gone, and
// the next joiner takes the slot.
type slot struct {
	ident, live, kick, watched, mode, host uint32
	_                                      [8]byte
}

const (
	slotFree = iota
	slotJoining
	slotLive
	slotStates = 7
)

const (
	liveRobust = iota // the kernel marks the word
	liveFile          // watchers poll the file lock and mark the word
)

// record holds what a process says about itself for the processes that sweep it. Only the
// process writes here while it lives, but for attached.
//
//	field    | who writes              | meaning, and what holds if the writer dies
//	waits    | the process             | the words on which its direct waits sleep, by offset; 0 none.
//	         |                         | The sweep wakes all sleepers there
//	wakes    | the process             | the words whose sleepers it is about to wake; likewise
//	inFlight | the process             | blocks that bear its name may exist: the sweep looks for them
//	pid…     | the process, joining    | pid as the process sees it, start, role, joined, label
//	attached | the process; holders of | highest entry attached so far, plus one; grows only, and before the
//	         | the arena's lock        | bit (leaveToSweeper). Too high costs the sweep a look
//	sweeping | the process's watcher,  | the entry that it sweeps for a dead process, plus one; 0 none. The
//	         | which is one goroutine  | object stays meanwhile. If the sweeper dies, leaveToSweeper passes
//	         |                         | it over, once the barrier has stopped it
type record struct {
	waits    [futex.MaxDirect]uint64
	wakes    [futex.MaxDirect]uint64
	inFlight uint32 // blocks that bear the process's name may exist
	pid      uint32 // as the process sees it
	start    uint64 // from /proc/self/stat, in clock ticks since boot
	attached uint32 // highest entry index attached so far, plus one
	role     uint32
	joined   uint64         // unix nanoseconds
	label    [maxLabel]byte // for those who list processes; zeros at the end
	sweeping uint32         // the entry that it sweeps for a dead process, plus one: it stays meanwhile
}

const maxLabel = 64

// entry is an object in the directory.
//
//	offset | width | field | meaning
//	0      | 4     | state | bits 0–7 state, 8–15 kind, 16–31 flags of the kind; the publication word
//	4      | 4     | next  | next entry of the bucket's chain, index plus one (derived)
//	8      | 4     | hash  | of the name
//	12     | 4     | typ   | element type: index in the table of types, plus one; 0 none
//	16     | 4     | block | place of the block in the heap, in units of 64 bytes
//	20     | 4     | owner | for coordinator objects: the process that serves it
//	24     | 8     | param | length, capacity, parties: whatever limits the kind
type entry struct {
	state, next, hash, typ, block, owner uint32
	param                                uint64
}

const (
	entryFree = iota
	entryLive
	entryRemoved // nameless, until the last process detaches
	entryStates  = 0xff
)

// chunk describes 64 KiB of heap. Small blocks of one class have their owner words
// at the chunk's start.
//
//	offset | width | field  | meaning
//	0      | 4     | state  | bits 0–7 state, 8–15 class, bit 16 has pages; the publication word
//	4      | 4     | owner  | of a run: its owner word
//	8      | 4     | length | of a run: chunks
//	12     | 4     | free   | small: free blocks (derived)
//	16     | 4     | hint   | small: no block below is free (derived)
//	20     | 4     | next   | small: list of chunks with free blocks, index plus one (derived)
//	24     | 4     | prev   |
type chunk struct {
	state, owner, length, free, hint, next, prev, _ uint32
}

const (
	chunkFree = iota
	chunkSmall
	chunkRun
	chunkStates = 0xff
	chunkPages  = 1 << 16
)

// Owner words: 0 free, a process's ID while in flight, or ownedBy(entry).
const objectOwned = 1 << 31

func ownedBy(index uint32) uint32 { return objectOwned | index }

// blockHead stands before an object's payload; its name follows the payload. The process
// that makes the object writes it, under the arena's lock, while the block is in flight: if
// it dies before the entry is published, there is no object, and the block is freed.
//
//	offset | width | field  | meaning
//	0      | 8     | serial | tells the object from all others that the arena has or had: see header.serial
//	8      | 8     | sizes  | bits 0–15 bytes of the name, 16–63 bytes of the payload
type blockHead struct {
	serial uint64
	sizes  uint64
}

func sizesOf(name, payload uint64) uint64 { return payload<<16 | name }

func (b *blockHead) nameLen() uint64 { return b.sizes & (1<<16 - 1) }
func (b *blockHead) payload() uint64 { return b.sizes >> 16 }

// fingerprint is a hash of all sizes and places: two programs that disagree on any
// do not share an arena.
func fingerprint() uint64 {
	h := fnv.New64a()
	for _, n := range layoutSizes() {
		for range 8 {
			_, _ = h.Write([]byte{byte(n)})
			n >>= 8
		}
	}
	return h.Sum64()
}
