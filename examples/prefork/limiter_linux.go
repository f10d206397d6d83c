package main

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom"
)

// limiter is a token bucket for all processes. Its whole state is one number, the time
// at which the bucket will be full again, so one compare-and-swap takes a token, and
// whoever is killed leaves nothing half done. (Known as the generic cell rate
// algorithm.)
type limiter struct {
	Full  *carom.Value[int64] // ns of the monotonic clock
	Every int64               // ns for a token to come
	Burst int64               // tokens in a full bucket
}

func newLimiter(m *carom.Manager, rate float64, burst int) (limiter, error) {
	full, err := carom.NewValue[int64](m, "limiter")
	return limiter{Full: full, Every: int64(float64(time.Second) / rate), Burst: int64(burst)}, err
}

// allow takes a token if there is one.
func (l limiter) allow(now int64) bool {
	for {
		full := l.Full.Load()
		next := max(full, now) + l.Every
		if next-now > l.Burst*l.Every {
			return false
		}
		if carom.CompareAndSwap(l.Full, full, next) {
			return true
		}
	}
}

// monotonic is the clock that all processes of the machine share, and that nobody sets.
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // this clock is always there
	}
	return t.Nano()
}
