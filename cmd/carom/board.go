package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/carom-ipc/carom"
)

// board is what the processes of a demo share. It travels in the workers' arguments,
// and arrives attached.
type board struct {
	Paths       *carom.Queue[file]
	Teams       []counters
	Extensions  *carom.Dict[string, entry]
	Unreadable  *carom.List[unreadable]
	Longest     *carom.Value[name]
	LongestLock *carom.Lock
	Counted     *carom.Array[uint8]    // by the file's Seq: 1 when its record is being applied
	Records     []*carom.Value[record] // by worker
}

// unreadable is a file and the reason.
type unreadable struct {
	Seq  int
	Path string
	Why  string
}

// ahead is how many paths the queue holds.
const ahead = 1024

func newBoard(m *carom.Manager, files, workers int) (b *board, err error) {
	b = &board{Records: make([]*carom.Value[record], workers), Teams: make([]counters, teamOf(workers-1)+1)}
	if b.Paths, err = carom.NewQueue[file](m, "paths", carom.Cap(ahead), carom.AtLeastOnce()); err != nil {
		return nil, err
	}
	for i := range b.Teams {
		suffix := ""
		if i > 0 {
			suffix = fmt.Sprintf(" of team %d", i)
		}
		if b.Teams[i], err = newCounters(m, suffix); err != nil {
			return nil, err
		}
	}
	if b.Extensions, err = carom.NewDict[string, entry](m, "extensions"); err != nil {
		return nil, err
	}
	if b.Unreadable, err = carom.NewList[unreadable](m, "unreadable"); err != nil {
		return nil, err
	}
	if b.Longest, err = carom.NewValue[name](m, "longest name"); err != nil {
		return nil, err
	}
	if b.LongestLock, err = carom.NewLock(m, "longest name lock"); err != nil {
		return nil, err
	}
	if b.Counted, err = carom.NewArray[uint8](m, "counted", files); err != nil {
		return nil, err
	}
	for i := range b.Records {
		if b.Records[i], err = carom.NewValue[record](m, fmt.Sprintf("record of worker %d", i)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// sum adds up a counter over the teams.
func (b *board) sum(i int) (n int64) {
	for _, team := range b.Teams {
		n += countIn(team.load(i))
	}
	return n
}

func (b *board) counts() counts {
	return counts{Files: b.sum(0), Lines: b.sum(1), Bytes: b.sum(2), Words: b.sum(3)}
}

// totals are what the workers have found, once they have ended.
func (b *board) totals(ctx context.Context) (*totals, error) {
	t := &totals{counts: b.counts(), Extensions: map[string]counts{}, Unreadable: []string{},
		Longest: b.Longest.Load().String()}
	for i := range t.Lengths {
		t.Lengths[i] = b.sum(4 + i)
	}
	for e, err := range b.Extensions.All(ctx) {
		if err != nil {
			return nil, err
		}
		t.Extensions[e.Key] = e.Value.Sum
	}
	seen := map[int]bool{}
	for f, err := range b.Unreadable.All(ctx) {
		if err != nil {
			return nil, err
		}
		if !seen[f.Seq] {
			t.Unreadable = append(t.Unreadable, f.Path)
		}
		seen[f.Seq] = true
	}
	slices.Sort(t.Unreadable)
	return t, nil
}
