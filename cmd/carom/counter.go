package main

import "github.com/carom-ipc/carom"

// A counter word is added to by many workers at once, and tells of each of them
// whether an addition that it announced has been made. Its low 48 bits are the count;
// above it, each of 16 workers has a bit that it turns over in the same atomic addition:
//
//	63          48 47                                   0
//	┌─────────────┬──────────────────────────────────────┐
//	│ turns       │ count                                │
//	└─────────────┴──────────────────────────────────────┘
//
// Only worker w touches bit w, so between its own additions the bit does not move,
// whatever the others do. Who knows what the bit was before an addition sees from the
// word alone whether the addition is in: it is one atomic step, so a worker that is
// killed has done all of it or nothing.
const (
	turnBits = 16
	countLen = 64 - turnBits
)

// turnOf is a worker's bit in the counters of its team.
func turnOf(worker int) uint64 { return 1 << (countLen + worker%turnBits) }

// teamOf says which set of counters a worker adds to: one serves 16 workers.
func teamOf(worker int) int { return worker / turnBits }

func countIn(word uint64) int64 { return int64(word & (1<<countLen - 1)) }

// turned is what to add to a word in which the bit is as before, so that the count
// grows by delta and the bit turns over. The sum in the bit's place never carries: it
// goes from 0 to 1 or from 1 to 0.
func turned(before, turn, delta uint64) uint64 {
	if before&turn == 0 {
		return delta + turn
	}
	return delta - turn
}

// counters are the words of one team: four Values and the Array of line lengths.
type counters struct {
	Files, Lines, Bytes, Words *carom.Value[uint64]
	Lengths                    *carom.Array[uint64]
}

const counterWords = 4 + lengths

func (c counters) value(i int) *carom.Value[uint64] {
	return [4]*carom.Value[uint64]{c.Files, c.Lines, c.Bytes, c.Words}[i]
}

func (c counters) load(i int) uint64 {
	if i < 4 {
		return c.value(i).Load()
	}
	return c.Lengths.Load(i - 4)
}

func (c counters) add(i int, d uint64) {
	if i < 4 {
		carom.Add(c.value(i), d)
		return
	}
	carom.AddAt(c.Lengths, i-4, d)
}

func newCounters(m *carom.Manager, suffix string) (c counters, err error) {
	for _, v := range []struct {
		name string
		to   **carom.Value[uint64]
	}{{"files", &c.Files}, {"lines", &c.Lines}, {"bytes", &c.Bytes}, {"words", &c.Words}} {
		if *v.to, err = carom.NewValue[uint64](m, v.name+suffix); err != nil {
			return c, err
		}
	}
	c.Lengths, err = carom.NewArray[uint64](m, "line lengths"+suffix, lengths)
	return c, err
}
