package shm

import (
	"slices"

	"github.com/carom-ipc/carom/internal/atom"
)

// pushPermit and popPermit remember which permits this process acquired, so that a
// release finds one without a search. The semaphore's list is entered; the mutex is for
// the race detector, which does not see that.
func (o *Object) pushPermit(i uint32) {
	o.permitsMu.Lock()
	defer o.permitsMu.Unlock()
	o.permits = append(o.permits, i)
}

// holdsPermits reports that permits which this process acquired are still its own. Those that
// others released meanwhile are forgotten: nobody but this process could make them its own
// again. Precondition: nobody is inside.
func (o *Object) holdsPermits() bool {
	o.permitsMu.Lock()
	defer o.permitsMu.Unlock()
	if len(o.permits) == 0 {
		return false
	}
	l := semaphoreWaiters(o.arena, o.Ref, o.arena.domain)
	o.permits = slices.DeleteFunc(o.permits, func(i uint32) bool {
		n := l.node(i)
		return atom.Load32(&n.state) != nodeHeld || atom.Load32(&n.id) != uint32(o.arena.self)
	})
	return len(o.permits) > 0
}

func (o *Object) popPermit(valid func(uint32) bool) (uint32, bool) {
	o.permitsMu.Lock()
	defer o.permitsMu.Unlock()
	for n := len(o.permits); n > 0; n = len(o.permits) {
		i := o.permits[n-1]
		o.permits = o.permits[:n-1]
		if valid(i) { // another process may have released it
			return i, true
		}
	}
	return 0, false
}
