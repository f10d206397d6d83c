// Package bench measures carom beside the floors of the machine and beside what a
// program would use instead. It has benchmarks and nothing to import.
//
//	go test -bench . ./bench             each case as a benchmark
//	go -C bench/peers test -bench .      those of peers that bring dependencies
//	go run ./bench/report [-short]       all of them, beside floors and peers, in turns
//
// The last is the one to compare by: the cases of a group take turns, since virtual
// machines change their mood within seconds. It also follows how costs grow, and says
// which of the ratios that carom holds itself to were held.
package bench
