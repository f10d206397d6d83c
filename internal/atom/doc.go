// Package atom is the only way in which futex/ and shm/ touch shared words.
//
// In a normal build each function is the sync/atomic one, inlined. Two build
// tags put something in front of them:
//
//   - carom_crash: every function that stores is a crash point, named by the
//     file and line of its caller. CAROM_CRASH names the point at which the
//     process kills itself with SIGKILL, just before the store, or stops itself.
//   - carom_sched: every access is a scheduling point of a seeded scheduler that
//     runs one goroutine at a time, so an interleaving is reproduced by its seed.
package atom
