package carom

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Methods without an error take no longer than Options.Timeout where the coordinator does
// not answer.
func TestLookIsBounded(t *testing.T) {
	const timeout = 300 * time.Millisecond
	ctx := context.Background()
	started, err := Start(ctx, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, started.Close()) }()
	m, err := Connect(ctx, started.Addr(), &Options{AuthKey: started.key, Remote: true, Timeout: timeout})
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	v, err := NewValue[int](m, "v", Initial(7))
	require.NoError(t, err)

	pid := started.child.PID()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	require.Eventually(t, func() bool { return stopped(t, pid) }, 10*time.Second, 100*time.Microsecond)
	begin := time.Now()
	got := v.Load()
	took, verr := time.Since(begin), v.Err()
	require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))

	require.Zero(t, got)
	require.ErrorIs(t, verr, ErrUnavailable)
	require.Less(t, took, timeout+2*time.Second)
	require.Eventually(t, func() bool { return v.Load() == 7 }, 10*time.Second, time.Millisecond)
	require.NoError(t, v.Err())
}

// Close takes no longer than Options.Timeout where the coordinator does not answer, however
// many handles go with the one that is closed.
func TestCloseOfSeveralIsBounded(t *testing.T) {
	const timeout, locks = time.Second, 8
	ctx := context.Background()
	started, err := Start(ctx, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, started.Close()) }()
	m, err := Connect(ctx, started.Addr(), &Options{AuthKey: started.key, Remote: true, Timeout: timeout})
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	v, err := NewValue[int](m, "v")
	require.NoError(t, err)
	for range locks {
		l := v.Lock()
		require.NoError(t, l.Lock(ctx))
		require.NoError(t, l.Unlock())
		defer l.Name() // keeps it
	}
	c, err := NewCondition(m, "c", nil)
	require.NoError(t, err)
	require.NoError(t, c.L().Lock(ctx))

	pid := started.child.PID()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	defer func() { require.NoError(t, syscall.Kill(pid, syscall.SIGCONT)) }()
	require.Eventually(t, func() bool { return stopped(t, pid) }, 10*time.Second, 100*time.Microsecond)
	for _, x := range []interface{ Close() error }{v, c} {
		begin := time.Now()
		require.NoError(t, x.Close())
		require.Less(t, time.Since(begin), timeout*19/10)
	}
}

// stopped reports that all threads of a process have stopped, which takes a moment.
func stopped(t *testing.T, pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	require.NoError(t, err)
	for _, thread := range threads {
		b, err := os.ReadFile(thread)
		if err != nil {
			continue // it is gone
		}
		if _, state, _ := strings.Cut(string(b), ") "); !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}
