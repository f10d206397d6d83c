package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom"
)

// seccompEnv names system calls that a process of the tests refuses to itself, before it
// does anything else.
const seccompEnv = "CAROM_TEST_SECCOMP"

var refusals = map[string]uint32{"set_robust_list": unix.SYS_SET_ROBUST_LIST, "futex_waitv": unix.SYS_FUTEX_WAITV}

// refuse installs a filter under which a call is EPERM, in all threads.
func refuse(call uint32) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&prog))); e != 0 {
		return e
	}
	return nil
}

type holding struct {
	Lock    *carom.Lock
	Held    *carom.Event
	Ballast int // bytes that the process keeps resident
}

var holder = carom.NewWorker("holder", func(ctx context.Context, h holding) error {
	ballast := make([]byte, h.Ballast)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	if err := h.Lock.Recover(ctx); err != nil {
		return err
	}
	if err := h.Held.Set(); err != nil {
		return err
	}
	<-ctx.Done()
	runtime.KeepAlive(ballast)
	return nil
})

// coordinatorOf is the pid of the manager's coordinator.
func coordinatorOf(t testing.TB, m *carom.Manager) int {
	t.Helper()
	for p, err := range m.Processes(t.Context()) {
		require.NoError(t, err)
		if p.Role == "coordinator" {
			return p.PID
		}
	}
	t.Fatal("no coordinator")
	return 0
}

// TestOwnerKilled measures how long a waiter waits for an owner that was killed. The
// figures are for the log; asserted is only that nobody hangs.
func TestOwnerKilled(t *testing.T) {
	for _, c := range []struct {
		name     string
		env      string
		mib      int
		deaths   int
		sample   int
		orphaned bool // the coordinator is dead
	}{
		{"1MiB", "", 1, 100, 20, false},
		{"coordinator dead", "", 1, 50, 10, true},
		{"512MiB", "", 512, 5, 2, false},
		{"file", "CAROM_LIVENESS=file", 1, 20, 10, false},
		{"file, 512MiB", "CAROM_LIVENESS=file", 512, 4, 2, false},
		{"seccomp", seccompEnv + "=set_robust_list", 1, 20, 10, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := manager(t)
			if c.orphaned {
				require.NoError(t, syscall.Kill(coordinatorOf(t, m), syscall.SIGKILL))
			}
			switch c.env {
			case "":
			default:
				name, value, _ := strings.Cut(c.env, "=")
				t.Setenv(name, value)
			}
			lock := carom.Must(carom.NewLock(m, "lock"))
			held := carom.Must(carom.NewEvent(m, "held"))
			var took []time.Duration
			for range amount(t, "deaths", c.deaths, c.sample) {
				require.NoError(t, held.Clear())
				p, err := holder.Start(t.Context(), m, holding{lock, held, c.mib << 20})
				require.NoError(t, err)
				require.NoError(t, held.Wait(within(t)))
				if c.env != "" {
					for info, err := range m.Processes(t.Context()) {
						require.NoError(t, err)
						if info.PID == p.PID() {
							require.False(t, info.Robust, "the fallback is not in use")
						}
					}
				}
				waits := m.Stats().Waits
				got := make(chan time.Time, 1)
				wrong := make(chan error, 1)
				go func() {
					err := lock.Lock(within(t))
					got <- time.Now()
					if !errors.Is(err, carom.ErrOwnerDied) {
						wrong <- err
					}
				}()
				eventually(t, "the waiter sleeps", func() bool { return m.Stats().Waits > waits })
				begin := time.Now()
				require.NoError(t, p.Kill())
				took = append(took, receive(t, got).Sub(begin))
				require.Empty(t, wrong)
				require.ErrorIs(t, lock.Lock(t.Context()), carom.ErrOwnerDied)
				require.Error(t, p.Wait())
			}
			slices.Sort(took)
			t.Logf("median %v, p99 %v of %d", took[len(took)/2], took[len(took)*99/100], len(took))
			require.Less(t, took[len(took)*99/100], 2*time.Second)
			require.NoError(t, lock.Recover(t.Context()))
			require.NoError(t, lock.Unlock())
			checked(t, m)
		})
	}
}

func init() {
	before = append(before, func() error {
		for call := range strings.FieldsSeq(os.Getenv(seccompEnv)) {
			if err := refuse(refusals[call]); err != nil {
				return err
			}
		}
		return nil
	})
	after = append(after, runProgram)
	programs["waiter"] = func(ctx context.Context) error {
		m, err := carom.Start(ctx, &carom.Options{Memory: 16 << 20})
		if err != nil {
			return err
		}
		defer m.Close()
		lock, err := carom.NewLock(m, "lock")
		if err != nil {
			return err
		}
		held, err := carom.NewEvent(m, "held")
		if err != nil {
			return err
		}
		var took []time.Duration
		for range 20 {
			_ = held.Clear()
			p, err := holder.Start(ctx, m, holding{lock, held, 1})
			if err != nil {
				return err
			}
			if err := held.Wait(ctx); err != nil {
				return err
			}
			got := make(chan error, 1)
			waits := m.Stats().Waits
			go func() { got <- lock.Lock(ctx) }()
			for m.Stats().Waits == waits {
				time.Sleep(20 * time.Microsecond)
			}
			begin := time.Now()
			if err := p.Kill(); err != nil {
				return err
			}
			if err := <-got; !errors.Is(err, carom.ErrOwnerDied) {
				return fmt.Errorf("lock: %v", err)
			}
			took = append(took, time.Since(begin))
			begin = time.Now()
			for m.Stats().Processes > 2 {
				time.Sleep(20 * time.Microsecond)
			}
			if d := time.Since(begin); d > patience {
				return fmt.Errorf("swept after %v", d)
			}
			_ = p.Wait()
		}
		slices.Sort(took)
		fmt.Printf("median %v, longest %v of %d\n", took[len(took)/2], took[len(took)-1], len(took))
		return nil
	}
}

// TestOldKernels: where there is no futex_waitv, and no robust list either, everything
// works, somewhat later.
func TestOldKernels(t *testing.T) {
	for _, calls := range []string{"futex_waitv", "futex_waitv set_robust_list"} {
		t.Run(calls, func(t *testing.T) {
			_, said := program(t, "waiter", seccompEnv+"="+calls)
			require.Contains(t, said, "median")
			t.Log(said)
		})
	}
}
