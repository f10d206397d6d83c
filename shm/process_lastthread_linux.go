package shm

import (
	"sync"

	"golang.org/x/sys/unix"
)

// The kernel marks a liveness word when the thread that owns it is gone. That is not
// yet the process's last thread: one that runs on another CPU may have an instruction or
// two left, and one that is in a system call may still be copying into the arena.

// From the kernel's include/uapi/linux/membarrier.h.
const (
	globalExpedited         = 1 << 1
	registerGlobalExpedited = 1 << 2
)

// registerBarrier lets others make sure, by stopBarrier, that this process has stopped.
// It takes some milliseconds and is not waited for.
var registerBarrier = sync.OnceFunc(func() {
	go func() {
		_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, registerGlobalExpedited, 0, 0)
	}()
})

// stopBarrier interrupts every CPU that runs a process which called registerBarrier. A
// thread that has been killed does not return from the interrupt: after stopBarrier none
// of the dead process's instructions will touch the arena. Where the system call is
// missing or filtered, that is as likely as an interrupt is quicker than the end of a
// thread.
func stopBarrier() {
	_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, globalExpedited, 0, 0)
}
