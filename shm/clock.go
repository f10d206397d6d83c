//go:build !carom_sched

package shm

import (
	"context"
	"time"
)

// Time as it is in earnest; schedules have their own.

func nap(d time.Duration) { time.Sleep(d) }

// later runs f after d, unless stop is called before.
func later(d time.Duration, f func()) (stop func() bool) { return time.AfterFunc(d, f).Stop }

// patient is a context for what can be done later as well.
func patient() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), leaverPatience)
}

// clock is nanoseconds since the program began.
func clock() int64 { return int64(time.Since(began)) }

var began = time.Now()
