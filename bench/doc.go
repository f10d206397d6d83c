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
//	go -C bench/peers test -bench .      those of peers that bring dependencies
//	go run ./bench/report [-short]       all of them, beside floors and peers, in turns
//
// The last is the one to compare by: the cases of a group take turns, since virtual
// machines change their mood within seconds. It also follows how costs grow, and says
// which of the ratios that carom holds itself to were held.
package bench
