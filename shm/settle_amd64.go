//go:build !race && !carom_sched

package shm

import (
	"runtime"
	"sync/atomic"
)

// release gives a handle's token back. The thread that takes it sees what was done before, but
// a load that follows may be done before.
func release(token *uint32) { *token = 0 }

// settle makes sure, after the closing bit was set, that a token given back by a call which
// did not see the bit is seen to be free. Most often the calls inside were waiting, and are
// about to leave by themselves. Otherwise stopping the world does it: to stop, each thread
// that runs Go code does an atomic operation, which its stores before cannot outlast.
func (h *Handle) settle() {
	const looks = 1000 // a microsecond or so: about as long as what a call does after its wait
	for range looks {
		if atomic.LoadUint32(&h.token) == 0 {
			return
		}
	}
	var unused runtime.MemStats
	runtime.ReadMemStats(&unused)
}
