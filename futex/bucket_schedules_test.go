//go:build carom_sched

package futex

import (
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/sched"
)

// Two hubs sleep on one bucket, each for words of several groups. Every change of a word
// is found by the hub that has it, although a hub looks only where it is told to.
func bucketTells(s *sched.Schedule) func() {
	p := newStage(s, false)
	b := &p.park[0]
	times := uint32(1 + s.Choose(2))
	const words = 4
	var group [words]uint32
	for i := range group {
		group[i] = uint32(s.Choose(3))
	}
	for hub := range 2 {
		s.Go(1+hub, "hub", func() {
			var found [words]uint32
			before, known := uint32(0), false
			for {
				now, changed := flagBucket(b, before)
				before = now
				if !known {
					changed, known = everyGroup, true
				}
				left := false
				for i := hub; i < words; i += 2 { // its words
					if changed == everyGroup || changed == int(group[i]) {
						found[i] = atom.Load32(p.word(i))
					}
					left = left || found[i] < times
				}
				if !left {
					return
				}
				sched.Wait([]sched.Word{{Addr: b, Val: now}}, sched.MatchAny, 0)
			}
		})
	}
	for i := range words {
		s.Go(3-i%2, "changer", func() {
			for range times {
				atom.Add32(p.word(i), 1)
				if ringBucket(b, group[i]) {
					wake(b, wakeEverybody)
				}
			}
		})
	}
	return nil
}
