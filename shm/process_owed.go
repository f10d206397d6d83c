package shm

import (
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom/internal/atom"
)

// owed is what a process is to do under the arena's lock, and could not do when its time was
// up: it is done by whoever of the process has the lock next. What is owed bears the
// process's name, so its death loses nothing of it.
type owed struct {
	any     atomic.Bool
	mu      sync.Mutex
	blocks  []uint64 // in flight, to be freed
	entries []uint32 // to detach: see leaveToSweeper
}

func (o *owed) add(f func(o *owed)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(o)
	o.any.Store(true)
}

// settle does what is owed. Precondition: the arena's lock is held.
func (a *Arena) settle() {
	o := &a.owed
	o.mu.Lock()
	blocks, entries := o.blocks, o.entries
	o.blocks, o.entries = nil, nil
	o.any.Store(false)
	o.mu.Unlock()
	a.freeAll(blocks)
	for _, e := range entries {
		a.mu.Lock()
		own := a.objects[e] != nil
		a.mu.Unlock()
		if !own {
			atom.And64(a.attachment(a.self.Slot(), e), ^uint64(1<<(e%64)))
			a.reap(e)
		}
	}
}
