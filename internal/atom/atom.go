//go:build !carom_crash && !carom_sched

package atom

import "sync/atomic"

// Load32 reads a word that others write.
func Load32(p *uint32) uint32 { return atomic.LoadUint32(p) }

// Load64 reads a word that others write.
func Load64(p *uint64) uint64 { return atomic.LoadUint64(p) }

// Store32 publishes: everything written before it is visible to whoever loads the new value.
func Store32(p *uint32, v uint32) { atomic.StoreUint32(p, v) }

// Store64 publishes: everything written before it is visible to whoever loads the new value.
func Store64(p *uint64, v uint64) { atomic.StoreUint64(p, v) }

// CAS32 is compare-and-swap.
func CAS32(p *uint32, old, new uint32) bool { return atomic.CompareAndSwapUint32(p, old, new) }

// CAS64 is compare-and-swap.
func CAS64(p *uint64, old, new uint64) bool { return atomic.CompareAndSwapUint64(p, old, new) }

// Swap32 stores and returns what was there.
func Swap32(p *uint32, v uint32) uint32 { return atomic.SwapUint32(p, v) }

// Swap64 stores and returns what was there.
func Swap64(p *uint64, v uint64) uint64 { return atomic.SwapUint64(p, v) }

// Add32 adds and returns the sum.
func Add32(p *uint32, d uint32) uint32 { return atomic.AddUint32(p, d) }

// Add64 adds and returns the sum.
func Add64(p *uint64, d uint64) uint64 { return atomic.AddUint64(p, d) }

// Or64 sets bits and returns what was there.
func Or64(p *uint64, bits uint64) uint64 { return atomic.OrUint64(p, bits) }

// And64 keeps bits and returns what was there.
func And64(p *uint64, bits uint64) uint64 { return atomic.AndUint64(p, bits) }

// Put32 stores a word that only its present owner writes; the release that
// follows publishes it.
func Put32(p *uint32, v uint32) { *p = v }

// Put64 stores a word that only its present owner writes; the release that
// follows publishes it.
func Put64(p *uint64, v uint64) { *p = v }

// Copy copies bytes into shared memory that nobody else reads yet.
func Copy(dst, src []byte) int { return copy(dst, src) }

// Clear zeroes shared memory that nobody else reads yet.
func Clear(dst []byte) { clear(dst) }

// Publish32 is Store32 without its full barrier: whoever loads the new value sees
// everything written before, but a load that follows may be done before the store. A
// read-modify-write has to come between the two where that matters, such as an unlock.
func Publish32(p *uint32, v uint32) { publish32(p, v) }

// Publish64 is Store64 without its full barrier.
func Publish64(p *uint64, v uint64) { publish64(p, v) }
