//go:build unix

package coord

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// tryWriter returns a function that writes to conn what fits into the
// kernel's buffer and never waits. Only one goroutine may use it at a time.
// It is nil for a connection that is not a plain socket.
func tryWriter(conn net.Conn) func([]byte) (int, error) {
	if l, ok := conn.(*laneConn); ok {
		return l.tryWrite
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	w := &rawWriter{}
	once := w.once // bound here: the closure of each write would be allocated
	return func(b []byte) (int, error) {
		w.b, w.n, w.err = b, 0, nil
		if err := raw.Write(once); err != nil {
			return w.n, err
		}
		w.b = nil
		return w.n, w.err
	}
}

type rawWriter struct {
	b   []byte
	n   int
	err error
}

// once is called with a descriptor in non-blocking mode. It returns true, so
// that the runtime does not wait for more room.
func (w *rawWriter) once(fd uintptr) bool {
	for w.n < len(w.b) {
		n, err := unix.Write(int(fd), w.b[w.n:])
		if n > 0 {
			w.n += n
		}
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return true
		case err != nil:
			w.err = err
			return true
		}
	}
	return true
}
