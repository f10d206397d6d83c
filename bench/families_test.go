package bench

import "testing"

func BenchmarkValueAdd(b *testing.B)       { family(b, "ValueAdd") }
func BenchmarkValueLoad(b *testing.B)      { family(b, "ValueLoad") }
func BenchmarkValueStore(b *testing.B)     { family(b, "ValueStore") }
func BenchmarkValueCAS(b *testing.B)       { family(b, "ValueCAS") }
func BenchmarkLock(b *testing.B)           { family(b, "Lock") }
func BenchmarkArrayCopy(b *testing.B)      { family(b, "ArrayCopy") }
func BenchmarkArrayAddAt(b *testing.B)     { family(b, "ArrayAddAt") }
func BenchmarkQueue(b *testing.B)          { family(b, "Queue") }
func BenchmarkQueueRoundTrip(b *testing.B) { family(b, "QueueRoundTrip") }
func BenchmarkByteQueue(b *testing.B)      { family(b, "ByteQueue") }
func BenchmarkEventRoundTrip(b *testing.B) { family(b, "EventRoundTrip") }
func BenchmarkEventSetClear(b *testing.B)  { family(b, "EventSetClear") }
func BenchmarkDictGet(b *testing.B)        { family(b, "DictGet") }
func BenchmarkDictSet(b *testing.B)        { family(b, "DictSet") }
func BenchmarkDictAddKey(b *testing.B)     { family(b, "DictAddKey") }
func BenchmarkDictGetMany(b *testing.B)    { family(b, "DictGetMany") }
func BenchmarkListAppend(b *testing.B)     { family(b, "ListAppend") }
func BenchmarkValueNew(b *testing.B)       { family(b, "ValueNew") }
func BenchmarkValueOpen(b *testing.B)      { family(b, "ValueOpen") }
func BenchmarkValueRemove(b *testing.B)    { family(b, "ValueRemove") }
func BenchmarkStart(b *testing.B)          { family(b, "Start") }
func BenchmarkRoundTrip(b *testing.B)      { family(b, "RoundTrip") }
