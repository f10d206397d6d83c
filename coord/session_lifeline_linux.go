package coord

import (
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lifeline tells when the process at the other end of a unix socket is dead.
// Without one, for want of such a process or of pidfds, nobody can tell.
type lifeline struct{ file *os.File }

// newLifeline returns nil where nobody can tell. The error is that the process
// is dead already, or that there are no descriptors.
func newLifeline(conn net.Conn, p Peer) (*lifeline, error) {
	unixConn, ok := plainConn(conn).(*net.UnixConn)
	if !ok || p.Inside {
		return nil, nil
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	controlErr := raw.Control(func(s uintptr) {
		fd, err = unix.GetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	})
	if controlErr != nil {
		return nil, controlErr
	}
	if errors.Is(err, unix.ENOPROTOOPT) && p.PID > 0 { // before Linux 6.5
		// If the process is dead and another has its number by now, then the
		// connection ends, and the session merely lasts as long as any other.
		fd, err = unix.PidfdOpen(p.PID, 0)
	}
	switch {
	case errors.Is(err, unix.ENOPROTOOPT), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM), errors.Is(err, unix.ENODATA):
		return nil, nil
	case err != nil:
		return nil, os.NewSyscallError("pidfd", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // what makes os.NewFile hand it to the runtime's poller
		unix.Close(fd)
		return nil, os.NewSyscallError("pidfd", err)
	}
	return &lifeline{os.NewFile(uintptr(fd), "pidfd")}, nil
}

// watch calls f when the process is dead, in a goroutine of its own that takes
// no thread. stop ends that; when it returns, f has been called or never will
// be.
func (l *lifeline) watch(f func()) (stop func()) {
	if l == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if l.wait() {
			f()
		}
	}()
	return func() {
		l.file.SetReadDeadline(aLongTimeAgo)
		<-done
		l.file.SetReadDeadline(time.Time{})
	}
}

// wait blocks until the process is dead, or the deadline passes.
func (l *lifeline) wait() bool {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return false
	}
	dead := false
	err = raw.Read(func(fd uintptr) bool {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(p, 0)
		dead = n > 0
		return dead || (err != nil && err != unix.EINTR)
	})
	return err == nil && dead
}

func (l *lifeline) close() {
	if l != nil {
		l.file.Close()
	}
}
