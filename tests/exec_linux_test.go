package tests

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

type replaced struct {
	Lock *carom.Lock
	Held *carom.Event
	How  string
	PID  *carom.Value[int] // of the child
}

var execing = carom.NewWorker("execing", func(ctx context.Context, r replaced) error {
	if err := r.Lock.Recover(ctx); err != nil {
		return err
	}
	switch r.How {
	case "exec":
		if err := r.Held.Set(); err != nil {
			return err
		}
		return syscall.Exec("/bin/sleep", []string{"sleep", "60"}, os.Environ())
	case "fork":
		c := exec.Command("/bin/sleep", "60")
		if err := c.Start(); err != nil {
			return err
		}
		r.PID.Store(c.Process.Pid)
		if err := r.Held.Set(); err != nil {
			return err
		}
		<-ctx.Done()
	}
	return nil
})

// TestOwnerExecs: a process that becomes another program has died, as far as the lock is
// concerned, also where the kernel does not say so.
func TestOwnerExecs(t *testing.T) {
	for _, mode := range []string{"robust", "file"} {
		t.Run(mode, func(t *testing.T) {
			t.Setenv("CAROM_LIVENESS", mode)
			m := manager(t)
			r := replaced{carom.Must(carom.NewLock(m, "lock")), carom.Must(carom.NewEvent(m, "held")), "exec",
				carom.Must(carom.NewValue[int](m, "pid"))}
			p, err := execing.Start(t.Context(), m, r)
			require.NoError(t, err)
			require.NoError(t, r.Held.Wait(within(t)))
			require.ErrorIs(t, r.Lock.Lock(within(t)), carom.ErrOwnerDied)
			alone(t, m, 2)
			require.NoError(t, p.Kill())
			_ = p.Wait()
			checked(t, m)
		})
	}
}

// TestOwnerForks: a child that the owner started, and that knows nothing of carom, keeps
// nothing alive; while both live, the lock is the owner's.
func TestOwnerForks(t *testing.T) {
	for _, mode := range []string{"robust", "file"} {
		t.Run(mode, func(t *testing.T) {
			t.Setenv("CAROM_LIVENESS", mode)
			m := manager(t)
			r := replaced{carom.Must(carom.NewLock(m, "lock")), carom.Must(carom.NewEvent(m, "held")), "fork",
				carom.Must(carom.NewValue[int](m, "pid"))}
			p, err := execing.Start(t.Context(), m, r)
			require.NoError(t, err)
			require.NoError(t, r.Held.Wait(within(t)))
			defer func() { _ = syscall.Kill(r.PID.Load(), syscall.SIGKILL) }()
			require.ErrorIs(t, r.Lock.TryLock(), carom.ErrLocked)
			got := result(func() error { return r.Lock.Lock(within(t)) })
			silent(t, got)
			require.NoError(t, p.Kill())
			require.ErrorIs(t, receive(t, got), carom.ErrOwnerDied)
			require.NoError(t, syscall.Kill(r.PID.Load(), 0), "the child was to live")
			alone(t, m, 2)
			_ = p.Wait()
			checked(t, m)
		})
	}
}
