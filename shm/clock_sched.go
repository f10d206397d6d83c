//go:build carom_sched

package shm

import (
	"context"
	"time"

	"github.com/carom-ipc/carom/internal/sched"
)

func nap(d time.Duration) { sched.Sleep(d) }

// later never comes: what it would do is done by a thread of the schedule, or not at all.
func later(time.Duration, func()) (stop func() bool) { return func() bool { return true } }

func patient() (context.Context, context.CancelFunc) { return context.Background(), func() {} }

func clock() int64 { return 0 }
