package main

import (
	"testing"

	"github.com/carom-ipc/carom/bench/internal/benchtest"
)

func TestMain(m *testing.M) { benchtest.Main(m) }

func TestCases(t *testing.T) { benchtest.Once(t, own) }

func family(b *testing.B, name string) { benchtest.Family(b, own, name) }

func BenchmarkLock(b *testing.B)           { family(b, "Lock") }
func BenchmarkQueue(b *testing.B)          { family(b, "Queue") }
func BenchmarkQueueRoundTrip(b *testing.B) { family(b, "QueueRoundTrip") }
func BenchmarkDictGet(b *testing.B)        { family(b, "DictGet") }
func BenchmarkDictSet(b *testing.B)        { family(b, "DictSet") }
func BenchmarkDictAddKey(b *testing.B)     { family(b, "DictAddKey") }
func BenchmarkDictGetMany(b *testing.B)    { family(b, "DictGetMany") }
func BenchmarkDictUpdate(b *testing.B)     { family(b, "DictUpdate") }
func BenchmarkListAppend(b *testing.B)     { family(b, "ListAppend") }
func BenchmarkListAll(b *testing.B)        { family(b, "ListAll") }
