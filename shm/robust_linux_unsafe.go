//go:build linux

package shm

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom/internal/atom"
)

// robustList is the kernel's struct robust_list_head with its only node. It lies in
// memory of this process; just the futex word is shared.
type robustList struct {
	head *robustHead // on the heap, which does not move; reachable from the Arena
}

type robustHead struct {
	list    uintptr // the first node, or the head itself
	offset  int64   // from a node to its futex word
	pending uintptr
	node    uintptr // the node: the next one is the head
}

// register makes the calling thread the owner of word, for the kernel to release at
// the thread's end. The word names the thread, as the kernel wants it.
func (l *robustList) register(word *uint32) error {
	h := new(robustHead)
	h.node = uintptr(unsafe.Pointer(h))
	h.list = uintptr(unsafe.Pointer(&h.node))
	h.offset = int64(uintptr(unsafe.Pointer(word))) - int64(uintptr(unsafe.Pointer(&h.node)))
	l.head = h
	if _, _, e := unix.Syscall(unix.SYS_SET_ROBUST_LIST, uintptr(unsafe.Pointer(h)), unsafe.Sizeof(uintptr(0))*3, 0); e != 0 {
		return os.NewSyscallError("set_robust_list", e)
	}
	// The word comes last: it never says that a thread lives for whom the kernel would
	// not mark it. Until then the kernel passes it over, as another's.
	atom.Store32(word, uint32(unix.Gettid())|futexWaiters)
	return nil
}

// empty takes the word out of the list, before the thread ends in good order.
func (l *robustList) empty() { l.head.list = uintptr(unsafe.Pointer(l.head)) }
