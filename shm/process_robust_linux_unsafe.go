//go:build linux

package shm

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

// robustList is the kernel's struct robust_list_head with its nodes: two for the process's
// own words, one for each guest's. It lies in memory of this process; just the futex words
// are shared. There is one distance from a node to its word, so the nodes are as far apart
// as the slots.
//
// The kernel may walk the list at any time: each change is one store.
type robustList struct {
	head   *robustHead                    // on the heap, which does not move; reachable from the Arena
	nodes  *[futex.MaxSlot + 1]robustNode // likewise
	thread uint32                         // the owner's id
	first  uint32                         // the slot of the guest at the front; 0 if there is none
	guests int
}

type robustHead struct {
	list    uintptr // the first node, or the head itself
	offset  int64   // from a node to its futex word, the same for all
	pending uintptr
}

// robustNode holds a slot's nodes, each the address of the next one.
type robustNode struct {
	live       uintptr
	watched    uintptr // of the process alone
	prev, next uint32  // of guests: their neighbours' slots; 0 for none
	_          uint64
}

// mostKept is how many guests the kernel looks after: it does not walk further than 2048
// nodes (ROBUST_LIST_LIMIT in its include/linux/futex.h).
const mostKept = 2048 - 2

// register makes the calling thread the owner of the liveness words of slot i, for the kernel
// to release at the thread's end. The words name the thread, as the kernel wants it.
func (l *robustList) register(s *slot, i uint32) error {
	h, nodes := new(robustHead), new([futex.MaxSlot + 1]robustNode)
	n := &nodes[i]
	// Guests come to the front: when the predecessor wakes, all words are marked.
	n.watched = uintptr(unsafe.Pointer(h))
	n.live = uintptr(unsafe.Pointer(&n.watched))
	h.list = uintptr(unsafe.Pointer(&n.live))
	h.offset = int64(uintptr(unsafe.Pointer(&s.live))) - int64(uintptr(unsafe.Pointer(&n.live)))
	if _, _, e := unix.Syscall(unix.SYS_SET_ROBUST_LIST, uintptr(unsafe.Pointer(h)), unsafe.Sizeof(*h), 0); e != 0 {
		return os.NewSyscallError("set_robust_list", e)
	}
	l.head, l.nodes, l.thread = h, nodes, uint32(unix.Gettid())
	// The words come last: they never say that a thread lives for whom the kernel would
	// not mark them. Until then the kernel passes them over, as another's. Others look at
	// live first.
	atom.Store32(&s.watched, l.thread|futexWaiters)
	atom.Store32(&s.live, l.thread|futexWaiters)
	return nil
}

// empty takes the words out of the list, before the thread ends in good order.
func (l *robustList) empty() { atomic.StoreUintptr(&l.head.list, uintptr(unsafe.Pointer(l.head))) }

// add has the kernel look after the live word of slot i, a guest's, too; false if it
// cannot. Calls of add and remove come one after the other.
func (l *robustList) add(s *slot, i uint32) bool {
	if l.head == nil || l.guests == mostKept {
		return false
	}
	n := &l.nodes[i]
	n.prev, n.next = 0, l.first
	if l.first != 0 {
		l.nodes[l.first].prev = i
	}
	l.first = i
	l.guests++
	atomic.StoreUintptr(&n.live, l.head.list)
	atomic.StoreUintptr(&l.head.list, uintptr(unsafe.Pointer(&n.live)))
	atom.Store32(&s.live, l.thread|futexWaiters)
	return true
}

// remove undoes add.
func (l *robustList) remove(i uint32) {
	n := &l.nodes[i]
	from := &l.head.list
	if n.prev != 0 {
		from = &l.nodes[n.prev].live
		l.nodes[n.prev].next = n.next
	} else {
		l.first = n.next
	}
	if n.next != 0 {
		l.nodes[n.next].prev = n.prev
	}
	l.guests--
	atomic.StoreUintptr(from, n.live)
}
