//go:build carom_sched && !carom_crash

package atom

import "sync/atomic"

// Load32 reads a word that others write.
//
//go:noinline
func Load32(p *uint32) uint32 { Yield(); return atomic.LoadUint32(p) }

// Load64 reads a word that others write.
//
//go:noinline
func Load64(p *uint64) uint64 { Yield(); return atomic.LoadUint64(p) }

// Store32 publishes: everything written before it is visible to whoever loads the new value.
//
//go:noinline
func Store32(p *uint32, v uint32) { Yield(); atomic.StoreUint32(p, v) }

// Store64 publishes: everything written before it is visible to whoever loads the new value.
//
//go:noinline
func Store64(p *uint64, v uint64) { Yield(); atomic.StoreUint64(p, v) }

// CAS32 is compare-and-swap.
//
//go:noinline
func CAS32(p *uint32, old, new uint32) bool { Yield(); return atomic.CompareAndSwapUint32(p, old, new) }

// CAS64 is compare-and-swap.
//
//go:noinline
func CAS64(p *uint64, old, new uint64) bool { Yield(); return atomic.CompareAndSwapUint64(p, old, new) }

// Swap32 stores and returns what was there.
//
//go:noinline
func Swap32(p *uint32, v uint32) uint32 { Yield(); return atomic.SwapUint32(p, v) }

// Swap64 stores and returns what was there.
//
//go:noinline
func Swap64(p *uint64, v uint64) uint64 { Yield(); return atomic.SwapUint64(p, v) }

// Add32 adds and returns the sum.
//
//go:noinline
func Add32(p *uint32, d uint32) uint32 { Yield(); return atomic.AddUint32(p, d) }

// Add64 adds and returns the sum.
//
//go:noinline
func Add64(p *uint64, d uint64) uint64 { Yield(); return atomic.AddUint64(p, d) }

// Or64 sets bits and returns what was there.
//
//go:noinline
func Or64(p *uint64, bits uint64) uint64 { Yield(); return atomic.OrUint64(p, bits) }

// And64 keeps bits and returns what was there.
//
//go:noinline
func And64(p *uint64, bits uint64) uint64 { Yield(); return atomic.AndUint64(p, bits) }

// Put32 stores a word that only its present owner writes; the release that
// follows publishes it.
//
//go:noinline
func Put32(p *uint32, v uint32) { Yield(); *p = v }

// Put64 stores a word that only its present owner writes; the release that
// follows publishes it.
//
//go:noinline
func Put64(p *uint64, v uint64) { Yield(); *p = v }

// Copy copies bytes into shared memory that nobody else reads yet.
//
//go:noinline
func Copy(dst, src []byte) int { Yield(); return copy(dst, src) }

// Clear zeroes shared memory that nobody else reads yet.
//
//go:noinline
func Clear(dst []byte) { Yield(); clear(dst) }

// Publish32 is Store32 without its full barrier.
//
//go:noinline
func Publish32(p *uint32, v uint32) { Yield(); publish32(p, v) }

// Publish64 is Store64 without its full barrier.
//
//go:noinline
func Publish64(p *uint64, v uint64) { Yield(); publish64(p, v) }
