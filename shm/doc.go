// Package shm is the arena that the processes of one manager share: a sealed,
// sparse memfd with an allocator, a directory of named objects and a table of
// processes. It works between any processes that hold the descriptor, without a
// coordinator. The package is part of carom and makes no promise of compatibility of
// its own.
//
// # Layout
//
// Offsets, never pointers, are stored; offset 0 is nil. All regions have fixed
// places in the address space of the memfd, which is sparse: what was never written
// costs nothing. layout.go has the tables.
//
// # What is true and what is derived
//
// True are: the state word of a directory entry, the owner word of a block, the
// attachment bits of a process, the ident word of a process's slot. Each changes by
// one atomic store. Everything else (hash chains, counts, free lists, bytes used) is
// derived: a process that takes the arena's lock over from a dead owner rebuilds it from
// these.
//
// # Handles
//
// A process attaches an object once, and uses it through any number of handles
// (handle.go). Close ends the waits of the calls inside a handle, and waits for none of
// them: the memory stays until the last has left. Single accesses are not counted; the
// memory that they use stays attached for a second longer (quarantine.go).
//
// # Death
//
// Each process watches its successor in the ring of slots (process_watcher.go). A process that
// notices a death looks at all slots and sweeps the dead (process_sweep.go): their locks become
// "owner died", their blocks in flight are freed, their attachments end. A sweep is
// idempotent and runs under a robust lock, so the next one finishes what a dead
// sweeper began.
package shm
