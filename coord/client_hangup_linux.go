package coord

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hangup waits for the other end of a socket to go away, and for nothing
// else: data that arrive do not wake it. It costs a descriptor and a parked
// goroutine, no thread, and lets a client that is not reading learn at once
// that the coordinator is gone.
type hangup struct{ epoll *os.File }

// newHangup returns nil where there is no socket below conn.
func newHangup(conn net.Conn) *hangup {
	sc, ok := plainConn(conn).(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	err = unix.SetNonblock(fd, true) // what makes os.NewFile hand it to the runtime's poller
	if controlErr := raw.Control(func(s uintptr) {
		if err == nil {
			err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, int(s), &unix.EpollEvent{Events: unix.EPOLLRDHUP})
		}
	}); controlErr != nil || err != nil {
		unix.Close(fd)
		return nil
	}
	return &hangup{os.NewFile(uintptr(fd), "hangup")}
}

// wait blocks until the other end is gone or h is closed, and reports which.
func (h *hangup) wait() bool {
	raw, err := h.epoll.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	var events [1]unix.EpollEvent
	err = raw.Read(func(fd uintptr) bool {
		n, err := unix.EpollWait(int(fd), events[:], 0)
		gone = n > 0
		return gone || (err != nil && err != unix.EINTR)
	})
	return err == nil && gone
}

// hungUp reports whether the other end of a socket is gone.
func hungUp(conn net.Conn) bool {
	sc, ok := plainConn(conn).(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, _ := unix.Poll(p, 0)
		gone = n > 0
	})
	return gone || err != nil
}

func (h *hangup) close() { h.epoll.Close() }
