package shm

import (
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

// Operations on the arena itself are counted while they are under way, so that it is not
// unmapped beneath them. What they wait for ends when the arena's Domain is closed.

// opsClosed is set in Arena.ops when Close has begun.
const opsClosed = 1 << 32

// begin begins an operation; ErrClosed if Close has begun.
func (a *Arena) begin() error {
	if a.ops.Add(1) < opsClosed {
		return nil
	}
	a.done()
	return errs.ErrClosed
}

// done ends it.
func (a *Arena) done() { a.ops.Add(-1) }

// awaitOps returns when no operation is under way. Of the calls inside handles, whose waits
// have ended as well, it waits for those that take no time: one that is at work on an object
// is better not taken for dead. Those in users' functions are left to themselves.
func (a *Arena) awaitOps(handles []*Handle) {
	for a.ops.Load() != opsClosed {
		nap(20 * time.Microsecond)
	}
	patience := clock() + int64(leaverPatience)
	for _, h := range handles {
		for !h.isOver() && clock() < patience {
			nap(20 * time.Microsecond)
		}
	}
}
