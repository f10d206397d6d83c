//go:build !carom_sched

package futex

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// Time, and what depends on it, as it is in earnest; schedules have their own.

func now() time.Time { return time.Now() }

func nap(d time.Duration) { time.Sleep(d) }

func afterFunc(ctx context.Context, f func()) (stop func() bool) { return context.AfterFunc(ctx, f) }

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
