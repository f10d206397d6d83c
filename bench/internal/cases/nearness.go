package cases

import (
	"sync/atomic"
	"time"
)

// Nearness is how long a cache line takes to another CPU and back: the mood of a
// virtual machine whose CPUs its host moves about.
func Nearness() time.Duration {
	const rounds = 20000
	var lines struct {
		_     [128]byte
		there atomic.Uint32
		_     [124]byte
		back  atomic.Uint32
		_     [124]byte
	}
	go func() {
		if pinThread(1) != nil { // the thread ends with this goroutine
			return
		}
		for i := uint32(1); i <= rounds; i++ {
			for lines.there.Load() != i {
			}
			lines.back.Store(i)
		}
	}()
	took := make(chan time.Duration)
	go func() {
		_ = pinThread(0)
		var start time.Time
		for i := uint32(1); i <= rounds; i++ {
			lines.there.Store(i)
			for lines.back.Load() != i {
			}
			if i == rounds/10 {
				start = time.Now()
			}
		}
		took <- time.Since(start) / (rounds - rounds/10)
	}()
	return <-took
}
