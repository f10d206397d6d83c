//go:build linux && !carom_sched

package futex

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From the kernel's include/uapi/linux/futex.h.
const (
	opWait        = 0
	opWake        = 1
	opWaitBitset  = 9
	opWakeBitset  = 10
	flagPrivate   = 128
	matchAny      = 0xffffffff
	futex2Size32  = 2
	futex2Private = 128
	wakeEverybody = 1<<31 - 1
)

// waitv is the kernel's struct futex_waitv.
type waitv struct {
	val   uint64
	addr  uint64
	flags uint32
	_     uint32
}

// waitvMissing is set where the kernel (before 5.16) or a filter has no futex_waitv.
var waitvMissing atomic.Bool

// wait sleeps while *word == val, until woken. Untimed waits must go through
// Syscall: the scheduler has to hand the P off, or the next collection hangs.
func wait(word *uint32, val uint32) {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWait, uintptr(val), 0, 0, 0)
}

// waitBits is wait for a sleeper that wakeBits can single out; d <= 0 is for ever.
func waitBits(word *uint32, val, bits uint32, d time.Duration) {
	var ts *unix.Timespec
	if d > 0 {
		end := deadline(d)
		ts = &end
	}
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWaitBitset, uintptr(val),
		uintptr(unsafe.Pointer(ts)), 0, uintptr(bits))
	runtime.KeepAlive(ts)
}

// waitMany sleeps while every word has its value; d <= 0 is for ever. It reports
// false where the kernel cannot do it.
func waitMany(w []waitv, d time.Duration) bool {
	if waitvMissing.Load() {
		return false
	}
	var ts *unix.Timespec
	if d > 0 {
		end := deadline(d)
		ts = &end
	}
	_, _, e := unix.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(&w[0])), uintptr(len(w)), 0,
		uintptr(unsafe.Pointer(ts)), unix.CLOCK_MONOTONIC, 0)
	runtime.KeepAlive(ts)
	if e == unix.ENOSYS || e == unix.EPERM {
		waitvMissing.Store(true)
		return false
	}
	return true
}

func deadline(d time.Duration) unix.Timespec {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return unix.NsecToTimespec(ts.Nano() + int64(d))
}

// wake wakes up to n sleepers and returns how many. It never blocks, so it can
// keep its P.
func wake(word *uint32, n int) int {
	r, _, _ := unix.RawSyscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWake, uintptr(n))
	return int(r)
}

// waitPrivate is wait on a word of this process's own memory.
func waitPrivate(word *uint32, val uint32) {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWait|flagPrivate, uintptr(val), 0, 0, 0)
}

func wakePrivate(word *uint32) {
	_, _, _ = unix.RawSyscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWake|flagPrivate, wakeEverybody)
}

// wakeBits wakes the sleepers of waitBits whose bits meet these.
func wakeBits(word *uint32, bits uint32) {
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWakeBitset, wakeEverybody, 0, 0, uintptr(bits))
}

func sharedWord(word *uint32, val uint32) waitv {
	return waitv{val: uint64(val), addr: uint64(uintptr(unsafe.Pointer(word))), flags: futex2Size32}
}

func privateWord(word *uint32, val uint32) waitv {
	w := sharedWord(word, val)
	w.flags |= futex2Private
	return w
}
