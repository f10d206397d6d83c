package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// programEnv has a process of the tests be a program of its own, by name.
const programEnv = "CAROM_TEST_PROGRAM"

var programs = map[string]func(ctx context.Context) error{}

// runProgram is TestMain's: it does not return in a process that is a program.
func runProgram() {
	name := os.Getenv(programEnv)
	if name == "" {
		return
	}
	if err := os.Unsetenv(programEnv); err == nil {
		err = programs[name](context.Background())
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// program starts a program and returns the first line that it prints.
func program(t testing.TB, name string, env ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(append(os.Environ(), programEnv+"="+name), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		lines <- strings.TrimSpace(line)
	}()
	return cmd, receive(t, lines)
}

var idle = carom.NewWorker("idle", func(ctx context.Context, ready *carom.Value[int]) error {
	carom.Add(ready, 1)
	<-ctx.Done()
	return ctx.Err()
})

// stubborn does not look at its context.
var stubborn = carom.NewWorker("stubborn", func(_ context.Context, ready *carom.Value[int]) error {
	carom.Add(ready, 1)
	select {}
})

func init() {
	programs["parent"] = func(ctx context.Context) error {
		m, err := carom.Start(ctx, nil)
		if err != nil {
			return err
		}
		ready, err := carom.NewValue[int](m, "ready")
		if err != nil {
			return err
		}
		pids := []string{strconv.Itoa(coordinatorPID(m))}
		for _, w := range []*carom.Worker[*carom.Value[int]]{idle, idle, stubborn} {
			p, err := w.Start(ctx, m, ready)
			if err != nil {
				return err
			}
			pids = append(pids, strconv.Itoa(p.PID()))
		}
		for ready.Load() < 3 {
			time.Sleep(time.Millisecond)
		}
		fmt.Println(strings.Join(pids, " "))
		select {}
	}
}

func coordinatorPID(m *carom.Manager) int {
	for p, err := range m.Processes(context.Background()) {
		if err == nil && p.Role == "coordinator" {
			return p.PID
		}
	}
	return 0
}

func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	return after == "" || after[0] == 'Z' // a zombie waits for whoever adopted it
}

// TestParentKilled: the coordinator and the workers are gone soon after who started them,
// and leave nothing.
func TestParentKilled(t *testing.T) {
	tmp := t.TempDir()
	shmBefore, err := os.ReadDir("/dev/shm")
	require.NoError(t, err)
	cmd, said := program(t, "parent", "TMPDIR="+tmp)
	require.NotContains(t, said, "error")
	require.NoError(t, cmd.Process.Kill())
	begin := time.Now()
	for pid := range strings.FieldsSeq(said) {
		n, err := strconv.Atoi(pid)
		require.NoError(t, err)
		eventually(t, "process "+pid+" goes", func() bool { return gone(n) })
	}
	t.Logf("all processes were gone after %v", time.Since(begin))
	require.Less(t, time.Since(begin), 5*time.Second)
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
	shmAfter, err := os.ReadDir("/dev/shm")
	require.NoError(t, err)
	require.LessOrEqual(t, len(shmAfter), len(shmBefore))
}
