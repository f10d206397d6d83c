package bench_test

import "testing"

func BenchmarkValueAdd(b *testing.B)           { family(b, "ValueAdd") }
func BenchmarkValueLoad(b *testing.B)          { family(b, "ValueLoad") }
func BenchmarkValueStore(b *testing.B)         { family(b, "ValueStore") }
func BenchmarkValueCAS(b *testing.B)           { family(b, "ValueCAS") }
func BenchmarkArrayCopy(b *testing.B)          { family(b, "ArrayCopy") }
func BenchmarkArrayAddAt(b *testing.B)         { family(b, "ArrayAddAt") }
func BenchmarkLock(b *testing.B)               { family(b, "Lock") }
func BenchmarkSemaphore(b *testing.B)          { family(b, "Semaphore") }
func BenchmarkEventSetClear(b *testing.B)      { family(b, "EventSetClear") }
func BenchmarkRoundTrip(b *testing.B)          { family(b, "RoundTrip") }
func BenchmarkEventRoundTrip(b *testing.B)     { family(b, "EventRoundTrip") }
func BenchmarkSemaphoreRoundTrip(b *testing.B) { family(b, "SemaphoreRoundTrip") }
func BenchmarkConditionRoundTrip(b *testing.B) { family(b, "ConditionRoundTrip") }
func BenchmarkBarrierRound(b *testing.B)       { family(b, "BarrierRound") }
func BenchmarkQueue(b *testing.B)              { family(b, "Queue") }
func BenchmarkQueuePair(b *testing.B)          { family(b, "QueuePair") }
func BenchmarkQueueRoundTrip(b *testing.B)     { family(b, "QueueRoundTrip") }
func BenchmarkByteQueue(b *testing.B)          { family(b, "ByteQueue") }
func BenchmarkByteQueueRoundTrip(b *testing.B) { family(b, "ByteQueueRoundTrip") }
func BenchmarkDictGet(b *testing.B)            { family(b, "DictGet") }
func BenchmarkDictSet(b *testing.B)            { family(b, "DictSet") }
func BenchmarkDictAddKey(b *testing.B)         { family(b, "DictAddKey") }
func BenchmarkDictGetMany(b *testing.B)        { family(b, "DictGetMany") }
func BenchmarkDictUpdate(b *testing.B)         { family(b, "DictUpdate") }
func BenchmarkListAppend(b *testing.B)         { family(b, "ListAppend") }
func BenchmarkListAll(b *testing.B)            { family(b, "ListAll") }
func BenchmarkValueNew(b *testing.B)           { family(b, "ValueNew") }
func BenchmarkValueOpen(b *testing.B)          { family(b, "ValueOpen") }
func BenchmarkValueRemove(b *testing.B)        { family(b, "ValueRemove") }
func BenchmarkLockNew(b *testing.B)            { family(b, "LockNew") }
func BenchmarkLockOpen(b *testing.B)           { family(b, "LockOpen") }
func BenchmarkLockRemove(b *testing.B)         { family(b, "LockRemove") }
func BenchmarkQueueNew(b *testing.B)           { family(b, "QueueNew") }
func BenchmarkQueueOpen(b *testing.B)          { family(b, "QueueOpen") }
func BenchmarkQueueRemove(b *testing.B)        { family(b, "QueueRemove") }
func BenchmarkDictNew(b *testing.B)            { family(b, "DictNew") }
func BenchmarkDictOpen(b *testing.B)           { family(b, "DictOpen") }
func BenchmarkDictRemove(b *testing.B)         { family(b, "DictRemove") }
func BenchmarkStart(b *testing.B)              { family(b, "Start") }
func BenchmarkIdle(b *testing.B)               { family(b, "Idle") }
func BenchmarkQueuePut(b *testing.B)           { family(b, "QueuePut") }
func BenchmarkQueueGet(b *testing.B)           { family(b, "QueueGet") }
