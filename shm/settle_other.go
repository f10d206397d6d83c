//go:build (!amd64 || race) && !carom_sched

package shm

import "sync/atomic"

// release gives a handle's token back. No later load is done before.
func release(token *uint32) { atomic.StoreUint32(token, 0) }

// settle has nothing to do here; see settle_amd64.go.
func (h *Handle) settle() {}
