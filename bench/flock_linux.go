package bench

import (
	"os"

	"golang.org/x/sys/unix"
)

// flock is what programs without shared memory lock with.
func init() {
	add(inProcess("Lock/impl=flock/procs=1", 0, func(e *Env) (func(int) error, error) {
		path, err := e.path("lock")
		if err != nil {
			return nil, err
		}
		f, err := os.Create(path)
		if err != nil {
			return nil, err
		}
		e.onClose(func() { _ = f.Close() })
		fd := int(f.Fd())
		return func(n int) error {
			for range n {
				if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
					return err
				}
				if err := unix.Flock(fd, unix.LOCK_UN); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}))
}
