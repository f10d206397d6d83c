package futex

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/internal/atom"
)

// As is a way of waiting for a guest of d's process: one that holds and waits in a name
// of its own, and lives at most as long. It shares everything else: gates, records and
// hub. So a thousand guests that wait for a word cost what a thousand goroutines cost.
func (d *Domain) As(id ID) *Domain {
	return &Domain{self: id, closing: make(chan struct{}), visit: new(visit), ways: d.ways}
}

// visit is what is known of a guest's goroutines, so that its waits can be ended while
// those of the others go on.
type visit struct {
	inside  atomic.Int32  // goroutines that wait, or are inside a gate
	records atomic.Uint64 // wait records that are theirs
}

func (d *Domain) arrive() {
	if d.visit != nil {
		d.visit.inside.Add(1)
	}
}

func (d *Domain) depart() {
	if d.visit != nil {
		d.visit.inside.Add(-1)
	}
}

// uses and usesNoMore keep the guest's records.
func (d *Domain) uses(record int) {
	if d.visit != nil {
		d.visit.records.Or(1 << record)
	}
}

func (d *Domain) usesNoMore(record int) {
	if d.visit != nil {
		d.visit.records.And(^uint64(1 << record))
	}
}

// endVisit returns when none of the guest's goroutines waits any more. Others that sleep
// on the same words look again.
func (d *Domain) endVisit() {
	for d.visit.inside.Load() != 0 {
		d.gates.expel(d)
		for r := d.visit.records.Load(); r != 0; r &= r - 1 {
			if off := atom.Load64(&d.waits[bits.TrailingZeros64(r)]); off != 0 {
				wake(d.at(off), wakeEverybody)
			}
		}
		nap(20 * time.Microsecond)
	}
}
