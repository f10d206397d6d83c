// Package bench measures carom beside the floors of the machine and beside what a
// program would use instead.
//
// A Case is one measurement, named as benchstat wants it:
//
//	Queue/impl=carom/procs=2/size=64B
//
// Where two parties are involved, they are processes: the same executable, started as
// carom workers, that wait for a round, do their share of it and say when they began
// and ended.
//
//	go test -bench . ./bench             each case as a benchmark
//	go run ./bench/report [-short]       each case beside its floor or peer, interleaved
//
// The second is the one to compare by: it alternates the two sides of each pair, since
// virtual machines change their mood within seconds.
package bench
