// Package sched plays schedules: it runs the threads of several simulated processes one
// at a time and decides, before every access to a shared word, which thread goes on. All its
// decisions come from one generator, so a seed is an interleaving, and a failure is
// reproduced by its seed. The idea is that of folly's DeterministicSchedule.
//
// It exists under the build tag carom_sched only, where package atom calls it before
// every access and package futex sleeps, wakes and looks at the clock through it. What
// it decides:
//
//   - which thread runs next: at random, or by random priorities with a few change points at
//     which the running thread becomes the least (PCT, Burckhardt and others, 2010,
//     "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs");
//   - which sleepers a wake-up reaches, and whether one wakes for no reason;
//   - when time-outs fire, and how much time seems to pass;
//   - when a simulated process dies: its threads stop for ever at their next access,
//     or where they sleep.
//
// Memory is sequentially consistent in a schedule: what a processor or the compiler
// reorders is not explored.
package sched
