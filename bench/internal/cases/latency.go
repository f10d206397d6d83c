package cases

import (
	"slices"
	"time"
)

// Latencies times single operations, for their quantiles.
type Latencies struct {
	ns   []int64
	last time.Time
	sum  int64
}

const keptLatencies = 1 << 20

// Timing begins the first of n operations.
func Timing(n int) *Latencies {
	return &Latencies{ns: make([]int64, 0, min(n, keptLatencies)), last: time.Now()}
}

// Lap ends one operation and begins the next.
func (l *Latencies) Lap() {
	now := time.Now()
	took := now.Sub(l.last).Nanoseconds()
	if len(l.ns) < cap(l.ns) {
		l.ns = append(l.ns, took)
	}
	l.sum += took
	l.last = now
}

// Pause lets time pass that belongs to no operation. It stays on the CPU: what is measured
// is how the other side wakes up.
func (l *Latencies) Pause(d time.Duration) {
	for time.Since(l.last) < d {
	}
	l.last = time.Now()
}

// Finished is the round of these operations.
func (l *Latencies) Finished() (f Finished) {
	if len(l.ns) == 0 {
		return f
	}
	slices.Sort(l.ns)
	for i, q := range []float64{0.5, 0.99, 0.999} {
		f.Quantiles[i] = max(l.ns[int(q*float64(len(l.ns)-1))], 1)
	}
	return f
}
