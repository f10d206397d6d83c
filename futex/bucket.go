package futex

import "github.com/carom-ipc/carom/internal/atom"

// Parked waiters of all processes share 64 bucket words; a word's hash selects its bucket. A
// bucket also says which of its words to look at, by a longer hash, the group: else a wake-up
// would cost a look at every word of the bucket on which a goroutine waits.
//
//	bits  | who writes    | meaning                                | writer dies
//	0     | hubs, a ring  | a hub sleeps: a change of a word rings | one ring too many
//	1     | the changer   | a word of another group than the       | the words in its
//	      | of a word     | last ring's changed after it           | records are rung for
//	2–9   | a ring        | the group of its word                  |
//	10–31 | a ring        | number of rings                        | as above
//
// A process that changes a word does that first and then looks at the bucket; a hub flags the
// bucket first and then looks at the words. So either the hub sees the change, or the
// change is followed by a ring; and what changed between a ring and the next flag is of the
// ring's group, or has left bit 1.
const (
	bucketFlag  = 1
	bucketMixed = 1 << 1
	groupShift  = 2
	groups      = 1 << 8
	bucketRing  = groups << groupShift

	noGroup    = -1
	everyGroup = -2
)

// ringBucket is for the process that has changed a word of a group. It reports that hubs are to be woken.
func ringBucket(b *uint32, group uint32) bool {
	for {
		v := atom.Load32(b)
		switch {
		case v&bucketFlag != 0:
			if atom.CAS32(b, v, (v/bucketRing+1)*bucketRing|group<<groupShift) {
				return true
			}
		case v&bucketMixed != 0 || v/(1<<groupShift)%groups == group:
			return false
		case atom.CAS32(b, v, v|bucketMixed):
			return false
		}
	}
}

// flagBucket is for a hub that will sleep while the bucket is now. before is what the hub
// was told the last time; changed is the group of which words may have changed since.
func flagBucket(b *uint32, before uint32) (now uint32, changed int) {
	for {
		v := atom.Load32(b)
		if v&bucketFlag == 0 && !atom.CAS32(b, v, v|bucketFlag) {
			continue
		}
		now = v | bucketFlag
		switch {
		case v == before:
			return now, noGroup
		case v/bucketRing == (before+bucketRing)/bucketRing && v&bucketMixed == 0:
			return now, int(v / (1 << groupShift) % groups)
		}
		return now, everyGroup
	}
}
