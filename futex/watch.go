package futex

import (
	"context"
	"time"
)

// Watch sleeps until one of two words has changed (the second may be nil), the time
// is over (0: none), the context ends, or for no reason. At most as many goroutines
// may watch at a time as the Domain has wait records.
func (d *Domain) Watch(ctx context.Context, word *uint32, val uint32, peer *uint32, peerVal uint32, limit time.Duration) {
	s := d.startSleep(ctx, word)
	defer s.finish()
	if s.err() == nil {
		s.sleep(val, peer, peerVal, limit)
	}
}
