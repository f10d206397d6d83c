package tests

import (
	"fmt"

	"github.com/carom-ipc/carom"
)

// What the workers of the storm count. Each life of a worker has two counters for each:
// what it began, and what it saw done. A life that ends in between leaves one that may
// or may not have happened; so a sum over all lives lies between done and begun.
const (
	countLock = iota
	countRLock
	countAuto
	countUpdate
	countAdd
	countSwap
	countDo
	countAddAt
	countUp
	countDown
	countTokens
	countTaken
	countIndex0 // arrivals at the barrier
	countIndex1
	countIndex2
	countGet // and one more for each channel
	counts   = countGet + channels
)

const channels = 5

var countNames = map[int]string{countLock: "lock", countRLock: "rlock", countAuto: "auto recover lock",
	countUpdate: "update", countAdd: "add", countSwap: "compare and swap", countDo: "array do", countAddAt: "add at"}

// Words of the storm's cells: counters that are guarded by something, each with its
// holder and a second copy, and others.
const (
	cellLock = 4 * iota
	cellRLock
	cellAuto
	cellMutex
	cellTokens
	cellUnits
	cellIDs
	cells = cellIDs + channels
)

// tally adds up over all lives.
type tally struct{ counters *carom.Array[int64] }

func (c tally) at(life, what int) int { return (life*counts + what) * 2 }

func (c tally) begin(life, what int)  { carom.AddAt(c.counters, c.at(life, what), 1) }
func (c tally) forget(life, what int) { carom.AddAt(c.counters, c.at(life, what), -1) }
func (c tally) end(life, what int)    { carom.AddAt(c.counters, c.at(life, what)+1, 1) }

func (c tally) sum(what int) (begun, done int64) {
	for life := range c.counters.Len() / counts / 2 {
		begun += c.counters.Load(c.at(life, what))
		done += c.counters.Load(c.at(life, what) + 1)
	}
	return begun, done
}

// between fails unless got is at least what was done and at most what was begun.
func (c tally) between(what int, got int64) error {
	if begun, done := c.sum(what); got < done || got > begun {
		return fmt.Errorf("%s: %d, but %d were done and %d begun", countNames[what], got, done, begun)
	}
	return nil
}

// An item's marks say what has become of it.
const (
	markBegun     = 1 << iota // its producer is about to put it
	markPut                   // and did
	markRefused               // or was refused
	markTaken     = 1 << 8    // counts
	markConfirms  = 1 << 16   // counts those who are about to confirm it
	markConfirmed = 1 << 24
)

func takenOf(marks uint32) uint32 { return marks >> 8 & 0xff }

// audit compares an emptied channel's marks with the counters. A channel that delivers
// at least once loses nothing; of another, an item is lost with a consumer that died
// with it in its hands.
func audit(name string, marks []uint32, sure bool, died int64) error {
	var put, maybe, taken, lost int64
	for id, m := range marks {
		switch {
		case m == 0:
			continue
		case m&markPut != 0:
			put++
		case m&markRefused == 0:
			maybe++
		}
		n := takenOf(m)
		taken += int64(min(n, 1))
		switch {
		case n > 0 && m&markBegun == 0:
			return fmt.Errorf("%s: item %d was taken and never put", name, id)
		case n > 0 && m&markRefused != 0:
			return fmt.Errorf("%s: item %d was taken though its put was refused", name, id)
		case n > 1 && !sure:
			return fmt.Errorf("%s: item %d was taken %d times", name, id, n)
		case sure && m&markPut != 0 && m>>16&0xff == 0:
			return fmt.Errorf("%s: item %d was put and nobody confirmed it: marks %#x", name, id, m)
		case n == 0 && m&markPut != 0:
			lost++
		}
	}
	if lost > died {
		return fmt.Errorf("%s: %d items lost, of %d put, %d taken, %d uncertain; only %d consumers died taking one",
			name, lost, put, taken, maybe, died)
	}
	return nil
}
