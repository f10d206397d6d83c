//go:build linux

package shm

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom/internal/atom"
)

// robustList is the kernel's struct robust_list_head with its two nodes. It lies in
// memory of this process; just the futex words are shared.
type robustList struct {
	head *robustHead // on the heap, which does not move; reachable from the Arena
}

type robustHead struct {
	list    uintptr // the first node, or the head itself
	offset  int64   // from a node to its futex word, the same for both
	pending uintptr
	live    uintptr // the first node: the next one
	watched uintptr // the second: the head
}

// register makes the calling thread the owner of a slot's liveness words, for the kernel
// to release at the thread's end. The words name the thread, as the kernel wants it.
func (l *robustList) register(s *slot) error {
	h := new(robustHead)
	h.watched = uintptr(unsafe.Pointer(h))
	h.live = uintptr(unsafe.Pointer(&h.watched))
	h.list = uintptr(unsafe.Pointer(&h.live))
	h.offset = int64(uintptr(unsafe.Pointer(&s.live))) - int64(uintptr(unsafe.Pointer(&h.live)))
	l.head = h
	if _, _, e := unix.Syscall(unix.SYS_SET_ROBUST_LIST, uintptr(unsafe.Pointer(h)), unsafe.Sizeof(uintptr(0))*3, 0); e != 0 {
		return os.NewSyscallError("set_robust_list", e)
	}
	// The words come last: they never say that a thread lives for whom the kernel would
	// not mark them. Until then the kernel passes them over, as another's. Others look at
	// live first.
	atom.Store32(&s.watched, uint32(unix.Gettid())|futexWaiters)
	atom.Store32(&s.live, uint32(unix.Gettid())|futexWaiters)
	return nil
}

// empty takes the words out of the list, before the thread ends in good order.
func (l *robustList) empty() { l.head.list = uintptr(unsafe.Pointer(l.head)) }
