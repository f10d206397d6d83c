// Package futex holds the algorithms that run on 32-bit words in memory shared
// between processes: waiting and waking, a robust mutex, events and the other
// synchronisation objects. It knows no names, no allocation and no manager. The package
// is part of carom and makes no promise of compatibility of its own.
//
// # Words name their holders
//
// Whatever can be held names its holder in the very word that says it is held
// (an ID: slot and generation of a process), so at every instant the holder of
// whatever is held is known. Whether that process lives is one load
// from its liveness word, which the kernel itself marks at its death.
//
// # Sleeping
//
// A Domain is one process's view. A goroutine that has to sleep first passes the
// word's gate, so that one goroutine of a process at a time competes for a word,
// then sleeps in the kernel on the word, on the liveness word of the process it waits
// for, and on a private word that its context's end changes. A process has at most
// MaxDirect such sleepers, each a thread; beyond that, waits are parked with the
// hub, one thread for all of them. Below a process's Domain stand others, of its guests
// and of its handles, each of which can be closed by itself (visit.go).
//
// # Death in the middle
//
// A process may die after it took a wake-up and before it acted on it, or after it
// changed a word and before it woke the sleepers. Around both, the word's offset
// stands in the process's record (Domain.waits, Domain.wakes), and the sweep of a
// dead process wakes everybody on the words recorded there. Waiters tolerate
// spurious wake-ups, so sweeping twice does no harm.
package futex
