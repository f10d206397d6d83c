package main

// pair is a case of ours beside the one it is compared to.
type pair struct {
	Ours      string
	Reference string  // empty: the figure stands alone
	AtMost    float64 // what the ratio of times must not exceed; 0: nothing is asked
}

func faster(times float64) float64 { return 1 / times }

var pairs = []pair{
	{"ValueAdd/impl=carom", "ValueAdd/impl=atomic", 1.2},
	{"ValueAdd/impl=carom", "ValueAdd/impl=multiprocessing", 0},
	{"ValueLoad/impl=carom", "ValueLoad/impl=atomic", 0},
	{"ValueStore/impl=carom", "ValueStore/impl=atomic", 0},
	{"ValueCAS/impl=carom", "ValueCAS/impl=atomic", 0},
	{"ArrayAddAt/impl=carom", "ValueAdd/impl=atomic", 0},
	{"Lock/impl=carom/procs=1", "Lock/impl=sync.Mutex/procs=1", 1.5},
	{"Lock/impl=carom/procs=1", "Lock/impl=flock/procs=1", 0},
	{"Lock/impl=carom/procs=1", "Lock/impl=multiprocessing/procs=1", 0},
	{"Lock/impl=carom/procs=2/goroutines=1", "", 0},
	{"Lock/impl=carom/procs=2/goroutines=64", "", 0},
	{"ArrayCopy/impl=carom/size=64KiB", "ArrayCopy/impl=private/size=64KiB", 1.1},
	{"ArrayCopy/impl=carom/size=1MiB", "ArrayCopy/impl=private/size=1MiB", 1.1},
	{"EventRoundTrip/impl=carom/procs=2", "RoundTrip/impl=cacheline/procs=2", 0},
	{"EventRoundTrip/impl=carom/procs=2", "RoundTrip/impl=futex/procs=2", 0},
	{"EventRoundTrip/impl=carom/procs=2/cpus=1", "RoundTrip/impl=futex/procs=2/cpus=1", 0},
	{"EventSetClear/impl=carom", "", 0},

	{"Queue/impl=carom/procs=2/size=64B", "Queue/impl=unix/procs=2/size=64B", faster(20)},
	{"Queue/impl=carom/procs=2/size=64B/cap=none", "Queue/impl=unix/procs=2/size=64B", faster(20)},
	{"Queue/impl=carom/procs=2/size=64B/batch=32", "Queue/impl=unix/procs=2/size=64B", 0},
	{"Queue/impl=carom/procs=2/size=64B", "Queue/impl=pipe/procs=2/size=64B", 0},
	{"Queue/impl=carom/procs=2/size=1KiB", "Queue/impl=unix/procs=2/size=1KiB", 0},
	{"Queue/impl=carom/procs=2/size=64KiB", "Queue/impl=unix/procs=2/size=64KiB", 0},
	{"Queue/impl=carom/procs=2/type=bytes/size=64B", "Queue/impl=unix/procs=2/size=64B", 0},
	{"Queue/impl=carom/procs=2/type=bytes/size=1KiB", "Queue/impl=unix/procs=2/size=1KiB", 0},
	{"Queue/impl=carom/procs=2/type=bytes/size=64KiB", "Queue/impl=unix/procs=2/size=64KiB", 0},
	{"Queue/impl=carom/procs=2/type=bytes/size=1MiB", "Queue/impl=unix/procs=2/size=1MiB", 0},
	{"Queue/impl=carom/procs=4/producers=2/size=64B", "Queue/impl=carom/procs=2/size=64B", 2},
	{"Queue/impl=carom/procs=5/producers=4/size=64B", "Queue/impl=carom/procs=2/size=64B", 2},
	{"Queue/impl=carom/procs=5/producers=1/size=64B", "Queue/impl=carom/procs=2/size=64B", 0},
	{"QueueRoundTrip/impl=carom/procs=2/size=64B", "QueueRoundTrip/impl=unix/procs=2/size=64B", 0},
	{"Queue/impl=carom/procs=2/size=64B", "Queue/impl=multiprocessing/procs=2/size=64B", 0},
	{"Queue/impl=carom/procs=2/size=64B", "Queue/impl=chan/procs=1/size=64B", 0},
	{"Queue/impl=carom/procs=1/size=64B", "", 0},

	{"ByteQueue/impl=carom/procs=2/size=64B", "Queue/impl=unix/procs=2/size=64B", 0},
	{"ByteQueue/impl=carom/procs=2/size=1KiB", "Queue/impl=unix/procs=2/size=1KiB", 0},
	{"ByteQueue/impl=carom/procs=2/size=64KiB", "Queue/impl=unix/procs=2/size=64KiB", 0},
	{"ByteQueue/impl=carom/procs=2/size=1MiB", "Queue/impl=unix/procs=2/size=1MiB", 0},

	{"DictGet/impl=carom/procs=2/goroutines=1", "DictGet/impl=echo/procs=2/goroutines=1", 1.3},
	{"DictGet/impl=carom/procs=2/goroutines=1", "DictGet/impl=netrpc/procs=2/goroutines=1", 0},
	{"DictGet/impl=carom/procs=2/goroutines=1", "DictGet/impl=multiprocessing/procs=2/goroutines=1", 0},
	{"DictSet/impl=carom/procs=2/goroutines=1", "DictGet/impl=echo/procs=2/goroutines=1", 0},
	{"DictAddKey/impl=carom/procs=2/goroutines=1", "DictGet/impl=echo/procs=2/goroutines=1", 0},
	{"ListAppend/impl=carom/procs=2", "DictGet/impl=echo/procs=2/goroutines=1", 0},
	{"DictGet/impl=carom/procs=2/goroutines=64", "DictGet/impl=echo/procs=2/goroutines=64", 0},
	{"DictSet/impl=carom/procs=2/goroutines=64", "DictGet/impl=echo/procs=2/goroutines=64", 0},
	{"DictGetMany/impl=carom/procs=2/keys=100", "DictGet/impl=carom/procs=2/goroutines=1", faster(20)},

	{"ValueNew/impl=carom", "", 0},
	{"ValueOpen/impl=carom", "", 0},
	{"ValueRemove/impl=carom", "", 0},
	{"Start/impl=carom/procs=2", "", 0},
}
