package bench

import (
	"slices"
	"time"
)

// latencies times single operations, for their quantiles.
type latencies struct {
	ns   []int64
	last time.Time
}

const keptLatencies = 1 << 20

func timing(n int) *latencies {
	return &latencies{ns: make([]int64, 0, min(n, keptLatencies)), last: time.Now()}
}

// lap ends one operation and begins the next.
func (l *latencies) lap() {
	now := time.Now()
	if len(l.ns) < cap(l.ns) {
		l.ns = append(l.ns, now.Sub(l.last).Nanoseconds())
	}
	l.last = now
}

func (l *latencies) finished() (f finished) {
	if len(l.ns) == 0 {
		return f
	}
	slices.Sort(l.ns)
	for i, q := range []float64{0.5, 0.99, 0.999} {
		f.Quantiles[i] = max(l.ns[int(q*float64(len(l.ns)-1))], 1)
	}
	return f
}
