//go:build carom_sched

package sched

import (
	"flag"
	"strings"
	"testing"
	"time"
)

var (
	oneSeed = flag.Uint64("seed", 0, "play the schedule of this seed only, and show its trace if it fails")
	from    = flag.Uint64("from", 1, "the first seed")
	scale   = flag.Float64("schedules", 1, "how many schedules to play, in multiples of the usual number")
	length  = flag.Int("show", 60, "how many accesses of a failed schedule are shown")
)

// Count is how many schedules were played.
var Count int

// Usual reports that no flag changes how many schedules are played.
func Usual() bool {
	part := flag.Lookup("test.run")
	return *oneSeed == 0 && *scale >= 1 && !(part != nil && strings.Contains(part.Value.String(), "/"))
}

// Explore plays n schedules of a scenario, from the seed 1 on, and stops at the first
// that fails. A failed one is played again to see how it came about.
func Explore(t *testing.T, n int, scenario Scenario) {
	t.Helper()
	first, last := *from, *from+uint64(float64(n)**scale)
	if *oneSeed != 0 {
		first, last = *oneSeed, *oneSeed+1
	}
	begin, steps, deaths := time.Now(), 0, 0
	distinct := make(map[uint64]struct{})
	for seed := first; seed < last; seed++ {
		s, err := play(seed, scenario, nil)
		Count++
		steps += s.steps
		distinct[s.digest] = struct{}{}
		for _, p := range s.mortal {
			if p.dead {
				deaths++
			}
		}
		if err != nil {
			tr := &trace{most: *length}
			_, again := play(seed, scenario, tr)
			t.Fatalf("seed %d: %v\nreproduce: -run '^%s$' -seed %d\nplayed again: %v\n%s", seed, err, t.Name(), seed, again, tr)
		}
		if seed%512 == 1 {
			if s2, _ := play(seed, scenario, nil); s2.digest != s.digest {
				t.Fatalf("seed %d was not the same schedule twice", seed)
			}
		}
	}
	took := time.Since(begin)
	t.Logf("%d schedules, %d of them distinct, of %d accesses, %d deaths; %.0f schedules a second", last-first,
		len(distinct), steps/int(last-first), deaths, float64(last-first)/took.Seconds())
}
