//go:build !carom_sched

package futex

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// Time, and how goroutines of a process wait for each other, as they are in earnest;
// schedules have their own.

func now() time.Time { return time.Now() }

func nap(d time.Duration) { time.Sleep(d) }

func afterFunc(ctx context.Context, f func()) (stop func() bool) { return context.AfterFunc(ctx, f) }

// turn is how a goroutine learns that a gate is its own.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) give() { t <- struct{}{} }

// reset makes a turn that was awaited as new.
func (t turn) reset() {}

// await reports false if the context ended first.
func (t turn) await(ctx context.Context) bool {
	select {
	case <-t:
		return true
	case <-ctx.Done():
		return false
	}
}

// looks is how many looks fit into a microsecond, 0 with a single CPU, where
// spinning only keeps the other from running.
var looks = sync.OnceValue(func() int32 {
	if runtime.NumCPU() < 2 {
		return 0
	}
	best := time.Hour
	for range 3 { // the least disturbed of three
		start := time.Now()
		for range 50 {
			pause(spinBatch)
		}
		best = min(best, time.Since(start))
	}
	return int32(max(1, 50*time.Microsecond/max(best, 1)))
})
