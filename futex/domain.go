package futex

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/internal/atom"
)

const (
	// MaxDirect is how many goroutines of a Domain may sleep in the kernel, a thread
	// each; the hub takes the others.
	MaxDirect = 64
	// Buckets is the number of shared words that parked waiters share.
	Buckets = 64
)

const (
	// Polled is the liveness word of a process whose death the kernel does not mark.
	// Whoever waits for it asks again every PollEvery.
	Polled = 0xbfff_ffff
	// PollEvery is short beside the 50 ms that the descriptors of a dead process, by
	// which its death is found out then, may take to be closed.
	PollEvery = 20 * time.Millisecond
)

// Peers tells who lives. Its methods are called on slow paths only.
type Peers interface {
	// Liveness returns the word that changes when id dies, and its value while id
	// lives; alive is false once it is dead, then word is nil.
	Liveness(id ID) (word *uint32, val uint32, alive bool)
}

// Config is the shared memory that a Domain works on. All words lie in one mapping
// that starts at Base.
//
//	field    | width     | who writes     | meaning                        | writer dies
//	Waits[i] | 8 bytes   | this process   | offset of the word on which    | the sweep wakes everybody
//	         |           |                | sleeper i waits; 0 none        | who sleeps on the word
//	Wakes[i] | 8 bytes   | this process   | offset of the word whose       | the same
//	         |           |                | sleepers are about to be woken |
//	Parking  | 4 bytes×64| every process  | see bucket.go                  | no wake-up is lost
type Config struct {
	Self    ID
	Peers   Peers
	Base    *byte
	Waits   []uint64 // zero; as many goroutines may sleep in the kernel, at most MaxDirect
	Wakes   []uint64 // zero; as many goroutines may wake others at once, at most MaxDirect
	Parking []uint32 // Buckets words, common to all processes
	// Poll has waits for a mutex ask every PollEvery whether its owner lives. The kernel
	// wakes one waiter of a dead process's word; should that one die too, it is for the
	// sweep to wake the others, so the sweep itself must not depend on it.
	Poll bool
}

// A Domain is one process's way of waiting on shared words. It is safe for
// concurrent use by its goroutines. A process may have several, for waits that must
// not depend on each other. Below a process's own Domain others stand, each of which can
// be closed without those above it: see visit.go.
type Domain struct {
	self   ID
	parent *Domain // nil for a process's own
	*ways

	closing atomic.Bool
	inside  atomic.Int32  // see visit.go
	records atomic.Uint64 // likewise
}

// ways are what a process's Domain shares with those below it.
type ways struct {
	peers   Peers
	base    *byte
	waits   []uint64
	wakes   []uint64
	parking []uint32

	freeWaits, freeWakes atomic.Uint64 // a bit for each record not in use
	allWaits             uint64
	gates                gates
	hub                  hub
	spin                 spinner
	endings              endings
	poll                 bool

	slept, woke atomic.Uint64
}

// NewDomain returns the process's view.
func NewDomain(c Config) *Domain {
	d := &Domain{self: c.Self, ways: &ways{peers: c.Peers, base: c.Base,
		waits: c.Waits, wakes: c.Wakes, parking: c.Parking, poll: c.Poll}}
	d.allWaits = 1<<len(c.Waits) - 1
	d.freeWaits.Store(d.allWaits)
	d.freeWakes.Store(1<<len(c.Wakes) - 1)
	d.hub.init(d)
	return d
}

// Self is the process's own name.
func (d *Domain) Self() ID { return d.self }

// Close ends every wait of this Domain, and of those below it, with ErrClosed, and returns
// when they have ended. The hub stops with a process's own. Closing again does nothing.
func (d *Domain) Close() {
	if d.closing.Swap(true) {
		return
	}
	d.hub.expel(d)
	if d.parent != nil {
		d.endVisit()
		return
	}
	for d.freeWaits.Load() != d.allWaits { // a sleeper may have looked just before closing was set
		for i := range d.waits {
			if off := atom.Load64(&d.waits[i]); off != 0 {
				wake(d.at(off), wakeEverybody)
			}
		}
		time.Sleep(20 * time.Microsecond)
	}
	d.endings.close()
	d.hub.close()
}

// Closed reports that Close was called, of this Domain or of one above it.
func (d *Domain) Closed() bool {
	for ; d != nil; d = d.parent {
		if d.closing.Load() {
			return true
		}
	}
	return false
}

// Stats counts sleeps and wake-ups since the start.
func (d *Domain) Stats() (slept, woke uint64) { return d.slept.Load(), d.woke.Load() }

// claim takes a free record, -1 if there is none.
func claim(free *atomic.Uint64) int {
	for {
		f := free.Load()
		if f == 0 {
			return -1
		}
		if free.CompareAndSwap(f, f&(f-1)) {
			return bits.TrailingZeros64(f)
		}
	}
}

func release(free *atomic.Uint64, i int) { free.Or(1 << i) }

// beginWake records that the sleepers on word are about to be woken: from here on,
// should this process die, the sweep wakes them.
func (d *Domain) beginWake(word *uint32) int {
	for {
		if i := claim(&d.freeWakes); i >= 0 {
			atom.Store64(&d.wakes[i], d.offset(word))
			return i
		}
		runtime.Gosched()
	}
}

func (d *Domain) endWake(i int) {
	atom.Store64(&d.wakes[i], 0)
	release(&d.freeWakes, i)
}

// wake wakes up to n sleepers on word and everybody who is parked in its bucket.
// It returns how many sleepers there were.
func (d *Domain) wake(word *uint32, n int) int {
	d.woke.Add(1)
	woken := wake(word, n)
	if d.ring(word) {
		woken++
	}
	return woken
}

// ring wakes the hubs that have somebody parked in the word's bucket.
func (d *Domain) ring(word *uint32) bool {
	i, group := d.bucket(word)
	b := &d.parking[i]
	if !ringBucket(b, group) {
		return false
	}
	wake(b, wakeEverybody)
	return true
}

// bucket is the word's place among the parked.
func (d *Domain) bucket(word *uint32) (i uint64, group uint32) {
	hash := d.offset(word) >> 2 * 0x9e3779b97f4a7c15
	return hash >> 58, uint32(hash >> 50 % groups)
}

// WakeAll wakes everybody who waits on word, for the sweep: waiters look again.
func (d *Domain) WakeAll(word *uint32) { d.wake(word, wakeEverybody) }

// StoreWaking sets word to val and wakes everybody who waits on it: should this process die
// in between, the sweep does.
func (d *Domain) StoreWaking(word *uint32, val uint32) {
	i := d.beginWake(word)
	defer d.endWake(i)
	atom.Store32(word, val)
	d.wake(word, wakeEverybody)
}

// Recover wakes the sleepers on every word that stands in a dead process's
// records. It may be repeated, also when the records are another process's by then.
func (d *Domain) Recover(waits, wakes []uint64, size uint64) {
	for _, records := range [][]uint64{waits, wakes} {
		for i := range records {
			off := atom.Load64(&records[i])
			if off == 0 {
				continue
			}
			if off%4 == 0 && off < size {
				word := d.at(off)
				d.WakeAll(word)
				// The dead may have changed the bucket and not yet woken the hubs.
				i, _ := d.bucket(word)
				wake(&d.parking[i], wakeEverybody)
			}
		}
	}
}
