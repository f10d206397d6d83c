package main

import "strings"

// line is what is asked of one kind of work.
type line struct {
	work   string
	checks []check
}

const p50, p99 = "p50-ns", "p99-ns"

// lines are the ratios that carom holds itself to. Where a case is named that there is
// none of yet, the answer is that it was not measured.
var lines = []line{
	{"Value.Add", []check{ratio("ValueAdd/impl=carom", "ValueAdd/impl=atomic", 1.1)}},
	{"Lock and Unlock, uncontended", []check{
		ratio("Lock/impl=carom/procs=1", "Lock/impl=sync.Mutex/procs=1", 1.3),
		ratio("Lock/impl=carom/procs=1", "Lock/impl=pthread/procs=1", 1),
		ratio("Lock/impl=carom/procs=1", "Lock/impl=pthread-robust/procs=1", 1),
	}},
	{"Lock, increment, Unlock, contended", []check{
		faster("Lock/impl=carom/procs=2/goroutines=1", "Lock/impl=pthread/procs=2/goroutines=1", 1.5),
		ratio("Lock/impl=carom/procs=2/goroutines=64", "Lock/impl=pthread/procs=2/goroutines=1", 1),
		atLeast("Lock/impl=carom/procs=2/goroutines=64", "least/mean", 0.1),
	}},
	{"round trip, both sides awake", awake("Event", "Semaphore")},
	{"round trip, asleep", []check{
		ratio("EventRoundTrip/impl=carom/procs=2/asleep", "RoundTrip/impl=futex/procs=2/asleep", 1.3),
		ratio("SemaphoreRoundTrip/impl=carom/procs=2/asleep", "RoundTrip/impl=futex/procs=2/asleep", 1.3),
	}},
	{"round trip, on one CPU", []check{
		ratio("EventRoundTrip/impl=carom/procs=2/cpus=1", "RoundTrip/impl=futex/procs=2/cpus=1", 1.3),
		ratio("SemaphoreRoundTrip/impl=carom/procs=2/cpus=1", "RoundTrip/impl=futex/procs=2/cpus=1", 1.3),
	}},
	{"idle: 0 % CPU after 10 ms, in whole percent", []check{
		atMost("Idle/impl=carom/who=worker", "cpu-%", 0.5),
		atMost("Idle/impl=carom/who=coordinator", "cpu-%", 0.5),
	}},
	{"Queue of 64 B, 1→1", []check{
		ratio("Queue/impl=carom/procs=2/size=64B", "Queue/impl=two-lock-ring/procs=2/size=64B", 1),
		faster("Queue/impl=carom/procs=2/size=64B", "Queue/impl=unix/procs=2/size=64B", 30),
		faster("Queue/impl=carom/procs=2/size=64B", "Queue/impl=multiprocessing/procs=2/size=64B", 100),
		ratio("Queue/impl=carom/procs=2/size=64B/batch=32", "Queue/impl=spsc/procs=2/size=64B", 1),
	}},
	{"Queue of 64 B, 2→2 and 4→1", []check{
		ratio("Queue/impl=carom/procs=4/producers=2/size=64B", "Queue/impl=carom/procs=2/size=64B", 2),
		ratio("Queue/impl=carom/procs=5/producers=4/size=64B", "Queue/impl=carom/procs=2/size=64B", 2),
		atLeast("Queue/impl=carom/procs=4/producers=2/size=64B", "least/mean", 0.1),
		atLeast("Queue/impl=carom/procs=5/producers=4/size=64B", "least/mean", 0.1),
	}},
	{"Queue of 64 B, latency there and back", []check{atMost("QueueRoundTrip/impl=carom/procs=2/size=64B", p50, 1000)}},
	{"Queue of 1 MiB: 0.8 of memcpy's bandwidth at two copies", []check{
		ratio("Queue/impl=carom/procs=2/size=1MiB", "ArrayCopy/impl=private/size=1MiB", 2/0.8),
	}},
	{"ByteQueue: independent of the size", []check{
		ratio("ByteQueue/impl=carom/procs=2/size=1KiB", "ByteQueue/impl=carom/procs=2/size=64B", 1.5),
		ratio("ByteQueue/impl=carom/procs=2/size=64KiB", "ByteQueue/impl=carom/procs=2/size=64B", 1.5),
		ratio("ByteQueue/impl=carom/procs=2/size=1MiB", "ByteQueue/impl=carom/procs=2/size=64B", 1.5),
	}},
	{"copy of Array.Slice: memcpy", []check{
		ratio("ArrayCopy/impl=carom/size=64KiB", "ArrayCopy/impl=private/size=64KiB", 1.1),
		ratio("ArrayCopy/impl=carom/size=1MiB", "ArrayCopy/impl=private/size=1MiB", 1.1),
	}},
	{"Dict through the socket", append(socket("DictGet"), socket("DictSet")...)},
	{"Dict through the lane", append(lane("DictGet"), lane("DictSet")...)},
	{"Dict, 64 goroutines on one client", append(crowd("socket"), crowd("lane")...)},
	{"100 at once: 20 times the rate of single ones", append(many("socket"), many("lane")...)},
	{"objects", []check{
		atMost("ValueNew/impl=carom", "ns/op", 2000),
		atMost("ValueOpen/impl=carom", "ns/op", 1000),
		atMost("ValueNew/impl=carom", "arena-B/op", 128),
	}},
	{"start to first operation", []check{atMost("Start/impl=carom/procs=2", "ns/op", 15e6)}},
	{"no allocations, nobody asleep", noAllocations(
		"ValueAdd/impl=carom", "ValueLoad/impl=carom", "ValueStore/impl=carom", "ValueCAS/impl=carom",
		"ArrayAddAt/impl=carom", "ArrayCopy/impl=carom/size=64KiB",
		"Lock/impl=carom/procs=1", "Lock/impl=carom/procs=2/goroutines=1",
		"Semaphore/impl=carom/kind=signal", "Semaphore/impl=carom/kind=permit", "SemaphoreRoundTrip/impl=carom/procs=2",
		"EventSetClear/impl=carom", "EventRoundTrip/impl=carom/procs=2",
		"QueuePair/impl=carom", "Queue/impl=carom/procs=2/size=64B", "Queue/impl=carom/procs=2/size=1MiB", "QueueRoundTrip/impl=carom/procs=2/size=64B",
		"ByteQueue/impl=carom/procs=2/size=64B", "ByteQueue/impl=carom/procs=2/size=1MiB")},
	{"no allocations, somebody asleep", noAllocations(
		"EventRoundTrip/impl=carom/procs=2/asleep", "EventRoundTrip/impl=carom/procs=2/cpus=1",
		"SemaphoreRoundTrip/impl=carom/procs=2/asleep", "SemaphoreRoundTrip/impl=carom/procs=2/cpus=1")},
}

func awake(kinds ...string) (checks []check) {
	for _, kind := range kinds {
		name := kind + "RoundTrip/impl=carom/procs=2"
		checks = append(checks,
			quotient(name, p50, "RoundTrip/impl=cacheline/procs=2", "ns/op", 5),
			atMost(name, p99, 10000))
	}
	return checks
}

const single = "/clients=1/goroutines=1"

func socket(family string) []check {
	name := family + "/impl=carom/way=socket" + single
	return []check{
		ratio(name, family+"/impl=echo"+single, 1.15),
		ratio(name, family+"/impl=redis"+single, 1),
		faster(name, family+"/impl=multiprocessing"+single, 5),
	}
}

func lane(family string) []check {
	name := family + "/impl=carom/way=lane" + single
	return []check{faster(name, family+"/impl=redis"+single, 8), atMost(name, p50, 3000)}
}

func crowd(way string) []check {
	get := "DictGet/impl=carom/way=" + way + "/clients=1/goroutines=64"
	set := strings.Replace(get, "Get", "Set", 1)
	return []check{
		ratio(get, "DictGet/impl=redis/clients=1/pipeline=64", 1),
		ratio(set, "DictSet/impl=redis/clients=1/pipeline=64", 1),
	}
}

func many(way string) []check {
	name := func(op string) string { return "Dict" + op + "/impl=carom/way=" + way + single }
	return []check{
		faster(name("GetMany"), name("Get"), 20),
		faster(name("Update"), name("Set"), 20),
		faster("QueuePut/impl=carom/way="+way+"/batch=100", "QueuePut/impl=carom/way="+way, 20),
		faster("QueueGet/impl=carom/way="+way+"/batch=100", "QueueGet/impl=carom/way="+way, 20),
	}
}

// noAllocations leaves room for what a party allocates once a round.
func noAllocations(names ...string) (checks []check) {
	for _, name := range names {
		checks = append(checks, atMost(name, "allocs/op", 0.01))
	}
	return checks
}
