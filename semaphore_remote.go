package carom

import (
	"context"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

func semaphoreParams(kind shm.Kind, n int, o options) []byte {
	if kind == shm.BoundedSemaphore {
		return coord.AppendUint(coord.AppendArray(nil, 1), uint64(n))
	}
	return coord.AppendBool(coord.AppendUint(coord.AppendArray(nil, 2), uint64(n)), o.permits)
}

func (s *Semaphore) acquireRemote(ctx context.Context, op string, wait bool) error {
	if wait {
		return s.h.ask(ctx, op, "acquire", nil)
	}
	return s.h.tell(op, "tryacquire", nil)
}

func (s *Semaphore) valueRemote() (n int) {
	_ = s.h.look("value", "value", intoInt(&n))
	return n
}
