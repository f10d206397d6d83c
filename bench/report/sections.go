package main

import (
	"fmt"
	"strings"

	"github.com/carom-ipc/carom/bench/internal/cases"
)

// section is a table of the report. Of each group, the first case is compared to the
// others, all in turns.
type section struct {
	title  string
	groups [][]string
}

// beside is a group: a case, and the impls of the same work to compare it to. One with a
// slash is a whole name.
func beside(ours string, impls ...string) []string {
	names := []string{ours}
	before, after, _ := strings.Cut(ours, "impl=carom")
	for _, impl := range impls {
		if strings.Contains(impl, "/") {
			names = append(names, impl)
		} else {
			names = append(names, before+"impl="+impl+after)
		}
	}
	return names
}

var sections = []section{
	{"Floors, beside native ones", [][]string{
		beside("ValueAdd/impl=atomic", "ValueAdd/impl=native"),
		beside("ValueCAS/impl=atomic", "ValueCAS/impl=native"),
		beside("ValueAdd/impl=atomic/procs=2", "ValueAdd/impl=native/procs=2"),
		beside("RoundTrip/impl=cacheline/procs=2", "RoundTrip/impl=cacheline-native/procs=2"),
		beside("RoundTrip/impl=futex/procs=2", "RoundTrip/impl=futex-native/procs=2"),
		beside("RoundTrip/impl=futex/procs=2/cpus=1", "RoundTrip/impl=futex-native/procs=2/cpus=1"),
		beside("ArrayCopy/impl=private/size=64KiB", "ArrayCopy/impl=native/size=64KiB"),
		beside("ArrayCopy/impl=private/size=1MiB", "ArrayCopy/impl=native/size=1MiB"),
		beside("DictGet/impl=echo/clients=1/goroutines=1", "RoundTrip/impl=socketpair-native/procs=2"),
	}},
	{"Values and arrays", [][]string{
		beside("ValueAdd/impl=carom", "atomic", "native", "multiprocessing"),
		beside("ValueAdd/impl=carom/procs=2", "atomic", "native"),
		beside("ValueLoad/impl=carom", "atomic"),
		beside("ValueStore/impl=carom", "atomic"),
		beside("ValueCAS/impl=carom", "atomic", "native"),
		beside("ArrayAddAt/impl=carom", "ValueAdd/impl=atomic"),
		beside("ArrayCopy/impl=carom/size=64KiB", "private", "native"),
		beside("ArrayCopy/impl=carom/size=1MiB", "private", "native"),
	}},
	{"Locks and semaphores", [][]string{
		beside("Lock/impl=carom/procs=1", "sync.Mutex", "pthread", "pthread-robust", "go-ipc", "flock", "multiprocessing"),
		beside("Lock/impl=carom/procs=2/goroutines=1", "pthread", "pthread-robust", "go-ipc", "flock", "multiprocessing"),
		beside("Lock/impl=carom/procs=4/goroutines=1", "go-ipc", "flock", "multiprocessing"),
		beside("Lock/impl=carom/procs=2/goroutines=64", "Lock/impl=pthread/procs=2/goroutines=1", "Lock/impl=carom/procs=2/goroutines=1"),
		beside("Semaphore/impl=carom/kind=signal", "Semaphore/impl=pthread", "Semaphore/impl=multiprocessing"),
		beside("Semaphore/impl=carom/kind=permit", "Semaphore/impl=pthread"),
		beside("EventSetClear/impl=carom"),
	}},
	{"Round trips between two processes", roundTrips()},
	{"Queues", queues()},
	{"Byte queues", byteQueues()},
	{"Through the coordinator", dicts()},
	{"Objects and processes", [][]string{
		beside("ValueNew/impl=carom"), beside("ValueOpen/impl=carom"), beside("ValueRemove/impl=carom"),
		beside("LockNew/impl=carom"), beside("LockOpen/impl=carom"), beside("LockRemove/impl=carom"),
		beside("QueueNew/impl=carom"), beside("QueueOpen/impl=carom"), beside("QueueRemove/impl=carom"),
		beside("DictNew/impl=carom"), beside("DictOpen/impl=carom"), beside("DictRemove/impl=carom"),
		beside("Start/impl=carom/procs=2", "multiprocessing"),
		beside("Idle/impl=carom/who=worker"), beside("Idle/impl=carom/who=coordinator"),
	}},
}

func roundTrips() (groups [][]string) {
	for _, kind := range []string{"Event", "Semaphore", "Condition"} {
		name := kind + "RoundTrip/impl=carom/procs=2"
		peers := []string{"RoundTrip/impl=cacheline/procs=2", "RoundTrip/impl=futex/procs=2", "multiprocessing"}
		if kind != "Event" {
			peers = append(peers, "pthread")
		}
		groups = append(groups,
			beside(name, peers...),
			beside(name+"/asleep", "RoundTrip/impl=futex/procs=2/asleep"),
			beside(name+"/cpus=1", "RoundTrip/impl=futex/procs=2/cpus=1"))
	}
	return append(groups,
		beside("BarrierRound/impl=carom/procs=2", "RoundTrip/impl=cacheline/procs=2", "pthread", "multiprocessing"),
		beside("BarrierRound/impl=carom/procs=2/cpus=1", "RoundTrip/impl=futex/procs=2/cpus=1"),
		beside("BarrierRound/impl=carom/procs=4"),
		beside("QueueRoundTrip/impl=carom/procs=2/size=64B", "RoundTrip/impl=cacheline/procs=2", "unix", "go-ipc", "boost", "multiprocessing"),
		beside("ByteQueueRoundTrip/impl=carom/procs=2/size=64B", "RoundTrip/impl=cacheline/procs=2", "QueueRoundTrip/impl=unix/procs=2/size=64B"))
}

// sizes and manyToMany are as the cases have them.
var (
	sizes      = []string{"64B", "1KiB", "64KiB", "1MiB"}
	manyToMany = []string{"procs=4/producers=2", "procs=5/producers=4", "procs=5/producers=1"}
)

func queues() (groups [][]string) {
	native := map[string][]string{
		"64B":   {"two-lock-ring", "spsc", "boost"},
		"1KiB":  {"two-lock-ring"},
		"64KiB": {"spsc", "ArrayCopy/impl=private/size=64KiB"},
		"1MiB":  {"spsc", "ArrayCopy/impl=private/size=1MiB"},
	}
	for _, size := range sizes {
		name := "Queue/impl=carom/procs=2/size=" + size
		groups = append(groups, beside(name, append(native[size], "unix", "pipe", "go-ipc", "multiprocessing")...))
		for _, shape := range manyToMany {
			peers := []string{name, "go-ipc", "multiprocessing"}
			if shape == "procs=4/producers=2" && size == "64B" {
				peers = append(peers, "two-lock-ring")
			}
			groups = append(groups, beside("Queue/impl=carom/"+shape+"/size="+size, peers...))
		}
		groups = append(groups, beside("Queue/impl=carom/procs=2/type=bytes/size="+size, "Queue/impl=unix/procs=2/size="+size))
	}
	one := "Queue/impl=carom/procs=2/size=64B"
	return append(groups,
		beside(one+"/batch=32", "Queue/impl=spsc/procs=2/size=64B", one),
		beside(one+"/batch=100", one),
		beside(one+"/cap=none", one),
		beside("Queue/impl=carom/procs=1/size=64B", "chan"),
		beside("QueuePair/impl=carom", "chan"))
}

func byteQueues() (groups [][]string) {
	for _, size := range sizes {
		name := "ByteQueue/impl=carom/procs=2/size=" + size
		peers := []string{"Queue/impl=unix/procs=2/size=" + size}
		if size != "64B" {
			peers = append(peers, "ByteQueue/impl=carom/procs=2/size=64B")
		}
		groups = append(groups, beside(name, peers...))
		for _, shape := range manyToMany {
			groups = append(groups, beside("ByteQueue/impl=carom/"+shape+"/size="+size, name))
		}
	}
	return groups
}

func dicts() (groups [][]string) {
	for _, way := range cases.Ways() {
		for _, op := range []string{"Get", "Set", "AddKey", "GetMany", "Update"} {
			for _, crowd := range []string{"clients=1/goroutines=1", "clients=1/goroutines=64", "clients=4/goroutines=1", "clients=4/goroutines=64"} {
				ours := func(op string) string { return fmt.Sprintf("Dict%s/impl=carom/way=%s/%s", op, way, crowd) }
				peer := func(impl string) string { return fmt.Sprintf("Dict%s/impl=%s/%s", op, impl, crowd) }
				peers := []string{peer("redis")}
				switch op {
				case "Get", "Set":
					peers = append(peers, peer("echo"), peer("netrpc"))
				case "AddKey":
					peers = append(peers, peer("netrpc"))
				case "GetMany":
					peers = append(peers, ours("Get"))
				case "Update":
					peers = append(peers, ours("Set"))
				}
				if crowd == "clients=1/goroutines=1" && (op == "Get" || op == "Set" || op == "Update") {
					peers = append(peers, peer("multiprocessing"))
				}
				if crowd == "clients=1/goroutines=64" && (op == "Get" || op == "Set" || op == "AddKey") {
					peers = append(peers, fmt.Sprintf("Dict%s/impl=redis/clients=1/pipeline=64", op))
				}
				groups = append(groups, beside(ours(op), peers...))
			}
		}
		groups = append(groups,
			beside("ListAppend/impl=carom/way="+way, "DictSet/impl=echo/clients=1/goroutines=1", "ListAppend/impl=redis", "ListAppend/impl=multiprocessing"),
			beside("ListAll/impl=carom/way="+way, "ListAll/impl=redis", "ListAll/impl=multiprocessing"),
			beside("QueuePut/impl=carom/way="+way+"/batch=100", "QueuePut/impl=carom/way="+way),
			beside("QueueGet/impl=carom/way="+way+"/batch=100", "QueueGet/impl=carom/way="+way))
	}
	return groups
}
