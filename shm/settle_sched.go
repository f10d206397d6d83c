//go:build carom_sched

package shm

import "github.com/carom-ipc/carom/internal/atom"

// release gives a handle's token back, after a point of the schedule.
func release(token *uint32) {
	_ = atom.Load32(token)
	*token = 0
}

// settle has nothing to do where memory is sequentially consistent.
func (h *Handle) settle() {}
