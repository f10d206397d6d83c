package futex

import (
	"math/bits"
	"time"

	"github.com/carom-ipc/carom/internal/atom"
)

// Below a process's own Domain stand those of its guests, who wait in names of their own,
// and of its handles, who wait in the process's or their guest's. They share everything:
// gates, records and hub. So a thousand that wait for a word cost what a thousand
// goroutines cost, and one that never waits costs its struct.
//
// A Domain with a parent knows of its goroutines, and of those of the Domains below it, so
// that their waits can be ended while others go on:
//
//	inside  | goroutines that wait, or are inside a gate
//	records | the wait records that are theirs

// As is a way of waiting below d in another name.
func (d *Domain) As(id ID) *Domain { return &Domain{self: id, parent: d, ways: d.ways} }

// Visit is a way of waiting below d in the same name.
func (d *Domain) Visit() *Domain { return d.As(d.self) }

// isUnder reports that d is top, or stands below it.
func (d *Domain) isUnder(top *Domain) bool {
	for ; d != nil; d = d.parent {
		if d == top {
			return true
		}
	}
	return false
}

func (d *Domain) arrive() {
	for ; d.parent != nil; d = d.parent {
		d.inside.Add(1)
	}
}

func (d *Domain) depart() {
	for ; d.parent != nil; d = d.parent {
		d.inside.Add(-1)
	}
}

// uses and usesNoMore keep the records.
func (d *Domain) uses(record int) {
	for ; d.parent != nil; d = d.parent {
		d.records.Or(1 << record)
	}
}

func (d *Domain) usesNoMore(record int) {
	for ; d.parent != nil; d = d.parent {
		d.records.And(^uint64(1 << record))
	}
}

// endVisit returns when none of d's goroutines waits any more. Others that sleep on the
// same words look again.
func (d *Domain) endVisit() {
	for d.inside.Load() != 0 {
		d.gates.expel(d)
		for r := d.records.Load(); r != 0; r &= r - 1 {
			if off := atom.Load64(&d.waits[bits.TrailingZeros64(r)]); off != 0 {
				wake(d.at(off), wakeEverybody)
			}
		}
		nap(20 * time.Microsecond)
	}
}
