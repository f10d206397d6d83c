package shm

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

func newMemory(size uint64) (*os.File, error) {
	fd, err := unix.MemfdCreate("carom", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "carom-arena")
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		_ = file.Close()
		return nil, os.NewSyscallError("ftruncate", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		_ = file.Close()
		return nil, os.NewSyscallError("fcntl F_ADD_SEALS", err)
	}
	return file, nil
}

// reopen gives this process a description of its own: the locks on slots' bytes
// belong to a description, so one that was inherited or passed would be shared. It
// refuses a descriptor whose memory could be taken away.
func reopen(file *os.File) (own *os.File, size uint64, err error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, 0, err
	}
	if cerr := conn.Control(func(fd uintptr) {
		var seals int
		if seals, err = unix.FcntlInt(fd, unix.F_GET_SEALS, 0); err != nil || seals&unix.F_SEAL_SHRINK == 0 {
			err = fmt.Errorf("the descriptor is not a sealed memfd (seals %#x): %w", max(seals, 0), errCorrupt)
			return
		}
		var st unix.Stat_t
		if err = unix.Fstat(int(fd), &st); err != nil {
			return
		}
		size = uint64(st.Size)
		own, err = os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDWR, 0)
	}); cerr != nil {
		return nil, 0, cerr
	}
	return own, size, err
}

func mapMemory(file *os.File, size uint64) ([]byte, error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var b []byte
	if cerr := conn.Control(func(fd uintptr) {
		b, err = unix.Mmap(int(fd), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	}); cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	// A core dump of 64 GiB of holes helps nobody.
	_ = unix.Madvise(b, unix.MADV_DONTDUMP)
	return b, nil
}

func unmap(b []byte) { _ = unix.Munmap(b) }

// discard gives the pages of whole pages back; they read as zeros afterwards.
func (a *Arena) discard(off, n uint64) {
	_ = unix.Madvise(a.bytes(off, n), unix.MADV_REMOVE)
}

// retired mappings keep their addresses, with nothing behind them, for accesses that
// were under way when the arena was closed. The oldest go.
var retired struct {
	sync.Mutex
	mappings [][]byte
}

const maxRetired = 4

func retire(b []byte) {
	remapEmpty(b)
	retired.Lock()
	defer retired.Unlock()
	if len(retired.mappings) == maxRetired {
		unmap(retired.mappings[0])
		retired.mappings = retired.mappings[1:]
	}
	retired.mappings = append(retired.mappings, b)
}
