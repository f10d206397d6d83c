package spawn

import (
	"os"

	"golang.org/x/sys/unix"
)

// SocketPair is a pair of connected sockets, for this process and a child or for itself.
func SocketPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control"), nil
}

// inherit takes over a descriptor that this process was started with. It must
// not go on to this process's own children.
func inherit(fd int, name string) *os.File {
	unix.CloseOnExec(fd)
	_ = unix.SetNonblock(fd, name == "control")
	return os.NewFile(uintptr(fd), name)
}
