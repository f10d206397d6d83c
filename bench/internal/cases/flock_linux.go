package cases

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom"
)

// flock is what programs without shared memory lock with.
func init() {
	Add(InProcess("Lock/impl=flock/procs=1", 0, func(e *Env) (func(int) error, error) {
		path, err := e.Path("lock")
		if err != nil {
			return nil, err
		}
		f, err := os.Create(path)
		if err != nil {
			return nil, err
		}
		e.OnClose(func() { _ = f.Close() })
		return func(n int) error { return flocked(f, n, func() {}) }, nil
	}))
	for _, procs := range []int{2, 4} {
		Add(Case{Name: fmt.Sprintf("Lock/impl=flock/procs=%d/goroutines=1", procs), Open: func(e *Env) (Run, error) {
			path, err := e.Path("lock")
			if err != nil {
				return nil, err
			}
			return e.Lockers(procs, Party{Role: "flock", Object: path})
		}})
	}
	Roles["flock"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		f, err := os.OpenFile(p.Object, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		v, err := carom.OpenValue[int64](m, p.Second)
		return Locking(1, func(_ context.Context, n int) error {
			return flocked(f, n, func() { v.Store(v.Load() + 1) })
		}), err
	}
}

func flocked(f *os.File, n int, guarded func()) error {
	fd := int(f.Fd())
	for range n {
		if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
			return err
		}
		guarded()
		if err := unix.Flock(fd, unix.LOCK_UN); err != nil {
			return err
		}
	}
	return nil
}
