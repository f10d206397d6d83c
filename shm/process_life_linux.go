package shm

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// life is the locked thread that owns the process's robust futexes. Robust lists
// belong to threads; this one does nothing else, never changes its list, and dies
// with the process (or at its exec), when the kernel marks the words and wakes one
// waiter of each.
type life struct {
	list robustList
	stop chan struct{}
	done chan struct{}
}

// begin registers the slot's words. An error says that the kernel, or a filter, does not allow it.
//
// CAROM_LIVENESS=file makes it fail, to try the fallback where the kernel has no fault.
func (l *life) begin(s *slot, i uint32) error {
	if os.Getenv("CAROM_LIVENESS") == "file" {
		l.stop, l.done = make(chan struct{}), make(chan struct{})
		close(l.done)
		return errors.New("CAROM_LIVENESS is file")
	}
	l.stop, l.done = make(chan struct{}), make(chan struct{})
	ready := make(chan error)
	go func() {
		defer close(l.done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := l.list.register(s, i)
		ready <- err
		if err != nil {
			return
		}
		<-l.stop
		l.list.empty()
	}()
	return <-ready
}

// end withdraws the words; the thread goes.
func (l *life) end() {
	close(l.stop)
	<-l.done
}

// keep has the kernel look after the live word of a guest's slot as well. It reports false
// where it cannot.
func (l *life) keep(s *slot, i uint32) bool { return l.list.add(s, i) }

// release undoes keep.
func (l *life) release(i uint32) { l.list.remove(i) }

// lockByte tries to lock slot i's byte of the memfd for this process's description.
func lockByte(file *os.File, i uint32) (bool, error) {
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(i), Len: 1}
	err := controlFlock(file, unix.F_OFD_SETLK, &l)
	if err == unix.EAGAIN || err == unix.EACCES {
		return false, nil
	}
	return err == nil, os.NewSyscallError("fcntl F_OFD_SETLK", err)
}

func unlockByte(file *os.File, i uint32) error {
	l := unix.Flock_t{Type: unix.F_UNLCK, Start: int64(i), Len: 1}
	return controlFlock(file, unix.F_OFD_SETLK, &l)
}

// byteLocked reports whether some other description holds slot i's byte.
func byteLocked(file *os.File, i uint32) bool {
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(i), Len: 1}
	err := controlFlock(file, unix.F_OFD_GETLK, &l)
	return err != nil || l.Type != unix.F_UNLCK
}

func controlFlock(file *os.File, cmd int, l *unix.Flock_t) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := conn.Control(func(fd uintptr) { ferr = unix.FcntlFlock(fd, cmd, l) }); err != nil {
		return err
	}
	return ferr
}
