//go:build linux

package shm

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// remapEmpty puts private zero pages where the arena was mapped.
func remapEmpty(b []byte) {
	_, _, _ = unix.Syscall6(unix.SYS_MMAP, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE|unix.MAP_FIXED, ^uintptr(0), 0)
}
