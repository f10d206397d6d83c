package shm

import (
	"unsafe"

	"github.com/carom-ipc/carom/futex"
)

const (
	nodeSize        = uint64(unsafe.Sizeof(node{}))
	waitListPayload = uint64(unsafe.Sizeof(waitList{}))
)

func nodeAt(a *Arena, block, i uint64) *node { return at[node](a, block+i*nodeSize) }

// waitersOf is the wait list at an offset of an object's payload.
func waitersOf(a *Arena, o Ref, at0 uint64, d *futex.Domain) *waiters {
	return &waiters{waitList: at[waitList](a, o.Off+at0), a: a, index: o.Index, d: d}
}

func freshWaitList(payload []byte) *waitList { return (*waitList)(unsafe.Pointer(&payload[0])) }

// late is where a barrier's next round waits while an action runs.
func (w *waiters) late() *futex.Notifier {
	return (*futex.Notifier)(unsafe.Add(unsafe.Pointer(w.waitList), waitListPayload))
}
