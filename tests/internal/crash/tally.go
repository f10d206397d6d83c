package crash

import (
	"fmt"

	"github.com/carom-ipc/carom/shm"
)

// The tally is an array of counters, four for each queue, by which everybody says
// what is about to be done and what was done: what is found later must lie between.
const (
	tallyName   = "tally"
	putBegun    = 0
	putDone     = 1
	takeBegun   = 2
	takeDone    = 3
	tallyFields = 4
)

var tallied = []string{"plain", "capped", "sure", "large", "bytes"}

type tally struct{ counts []uint64 }

func openTally(a *shm.Arena) (*shm.Handle, tally, error) {
	n := len(tallied) * tallyFields
	o, err := open(a, arraySpec(tallyName, uint64(n)))
	if err != nil {
		return nil, tally{}, err
	}
	return o, tally{shm.Elements[uint64](o.Object, n)}, nil
}

func (t tally) add(queue, field, n int) {
	shm.AddAt(shm.ElementAt(&t.counts[queue*tallyFields+field]), uint64(n))
}

func (t tally) get(queue, field int) int {
	return int(shm.LoadAt[uint64](shm.ElementAt(&t.counts[queue*tallyFields+field])))
}

// check compares the items left in a queue with what was said of it.
func (t tally) check(queue, left int) error {
	least := t.get(queue, putDone) - t.get(queue, takeBegun)
	most := t.get(queue, putBegun) - t.get(queue, takeDone)
	if left < least || left > most {
		return fmt.Errorf("queue %q: %d items left, there must be %d to %d (tally %v)", tallied[queue], left, least, most, t.counts)
	}
	return nil
}
