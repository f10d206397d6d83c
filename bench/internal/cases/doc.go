// Package cases holds what there is to measure, and how it is set up and timed. The
// benchmarks of package bench, the report and the peers' module run it.
//
// A Case is one measurement, named as benchstat wants it:
//
//	Queue/impl=carom/procs=2/size=64B
//
// Where two parties are involved, they are processes: the same executable, started as
// carom workers, that wait for a round, do their share of it and say when they began
// and ended.
package cases
