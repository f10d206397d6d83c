package tests

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func init() {
	// It starts all that a program may start, and says where.
	programs["placed"] = func(ctx context.Context) error {
		m, err := carom.Start(ctx, &carom.Options{Memory: 1 << 20})
		if err != nil {
			return err
		}
		d, err := carom.NewDict[string, int](m, "d")
		if err != nil {
			return err
		}
		if err := d.Set(ctx, "k", 1); err != nil {
			return err
		}
		ready, err := carom.NewValue[int](m, "ready")
		if err != nil {
			return err
		}
		p, err := idle.Start(ctx, m, ready)
		if err != nil {
			return err
		}
		q, err := measured.Start(ctx, m, nil) // it ends when it is attached
		if err != nil {
			return err
		}
		if err := q.Wait(); err == nil || !strings.Contains(err.Error(), "got 0") {
			return err
		}
		fmt.Println(m.Addr(), coordinatorPID(m), p.PID())
		heard()
		return m.Close()
	}
}

func init() {
	// It has a worker of a manager that runs elsewhere.
	programs["away"] = func(ctx context.Context) error {
		m, err := carom.FromEnv(ctx)
		if err != nil {
			return err
		}
		p, err := measured.Start(ctx, m, []byte{7, 7, 7})
		if err != nil {
			return err
		}
		fmt.Println(p.Wait())
		return m.Close()
	}
}

// abstract tells whether somebody has an abstract address.
func abstract(t testing.TB, addr string) bool {
	sockets, err := os.ReadFile("/proc/net/unix")
	require.NoError(t, err)
	return strings.Contains(string(sockets), strings.TrimPrefix(addr, "unix://"))
}

// TestNoSocketIsLeft: whoever dies, in whichever order.
func TestNoSocketIsLeft(t *testing.T) {
	const parent, coordinator, worker = 0, 1, 2
	orders := map[string][]int{
		"together": nil, "parent": {parent}, "parent, coordinator": {parent, coordinator}, "parent, worker": {parent, worker},
		"coordinator, parent": {coordinator, parent}, "worker, parent": {worker, parent},
		"parent, coordinator, worker": {parent, coordinator, worker}, "parent, worker, coordinator": {parent, worker, coordinator},
		"coordinator, parent, worker": {coordinator, parent, worker}, "coordinator, worker, parent": {coordinator, worker, parent},
		"worker, parent, coordinator": {worker, parent, coordinator}, "worker, coordinator, parent": {worker, coordinator, parent},
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			tmp := t.TempDir()
			p := started(t, "placed", "", "TMPDIR="+tmp, "XDG_RUNTIME_DIR=")
			said := strings.Fields(p.line(t))
			require.Len(t, said, 3, said)
			require.True(t, abstract(t, said[0]), said[0])
			pids := []int{p.Process.Pid}
			for _, s := range said[1:] {
				pids = append(pids, carom.Must(strconv.Atoi(s)))
			}
			if order == nil {
				require.NoError(t, p.signal(syscall.SIGKILL))
			}
			for _, i := range order {
				_ = syscall.Kill(pids[i], syscall.SIGKILL) // it may have gone with the one before
			}
			for _, pid := range pids {
				eventually(t, "process goes", func() bool { return gone(pid) })
			}
			eventually(t, "its sockets go", func() bool { return !abstract(t, said[0]) }) // they may outlast its first thread
			left, err := os.ReadDir(tmp)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// TestRuntimeDirectory: the socket is there, and goes with whoever is left.
func TestRuntimeDirectory(t *testing.T) {
	for name, victims := range map[string]func(parent, coordinator int) []int{
		"none":        func(int, int) []int { return nil },
		"parent":      func(parent, _ int) []int { return []int{parent} },
		"coordinator": func(_, coordinator int) []int { return []int{coordinator} },
		"both":        func(parent, coordinator int) []int { return []int{coordinator, parent} },
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "run") // t.TempDir's is too long
			require.NoError(t, err)
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			p := started(t, "placed", "", "XDG_RUNTIME_DIR="+dir)
			said := strings.Fields(p.line(t))
			require.Len(t, said, 3, said)
			require.Equal(t, dir, filepath.Dir(strings.TrimPrefix(said[0], "unix://")))
			require.FileExists(t, strings.TrimPrefix(said[0], "unix://"))
			pids := victims(p.Process.Pid, carom.Must(strconv.Atoi(said[1])))
			for _, pid := range pids {
				require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			}
			if pids == nil {
				p.goOn(t)
			}
			eventually(t, "the socket goes", func() bool { left, err := os.ReadDir(dir); return err == nil && len(left) == 0 })
		})
	}
}

// TestAbstractAddress: one that the caller names, for Start, Serve and Connect.
func TestAbstractAddress(t *testing.T) {
	key := []byte("a secret")
	addr := func() string {
		return fmt.Sprintf("unix://@carom-test-%d-%s", os.Getpid(), t.TempDir()[len(os.TempDir()):])
	}
	meet := func(t *testing.T, addr string) {
		m, err := carom.Connect(within(t), addr, &carom.Options{AuthKey: key})
		require.NoError(t, err)
		require.NoError(t, carom.Must(carom.NewDict[string, int](m, "d")).Set(within(t), "k", 1))
		require.NoError(t, m.Close())
	}
	at := addr()
	m, err := carom.Start(t.Context(), &carom.Options{Memory: 1 << 20, AuthKey: key, Addr: at})
	require.NoError(t, err)
	require.Equal(t, at, m.Addr())
	meet(t, at)
	_, err = carom.Start(t.Context(), &carom.Options{Memory: 1 << 20, AuthKey: key, Addr: at})
	require.ErrorIs(t, err, carom.ErrExists)
	require.NoError(t, m.Close())

	at = addr()
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan []string, 1)
	over := result(func() error {
		return carom.Serve(ctx, carom.ServeConfig{Listen: []string{at}, AuthKey: key, Memory: 1 << 20, Ready: func(addrs []string) { ready <- addrs }}, 0)
	})
	require.Equal(t, []string{at}, receive(t, ready))
	meet(t, at)
	cancel()
	require.NoError(t, receive(t, over))

	_, err = carom.Connect(within(t), "unix://@", &carom.Options{AuthKey: key})
	require.ErrorContains(t, err, "want a name after @")
}

func init() {
	// It leaves a process behind that holds the coordinator's output.
	carom.RegisterInitializer("leaving", func(_ context.Context, pidFile string) error {
		c := exec.Command("/bin/sleep", "60")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Start(); err != nil {
			return err
		}
		return os.WriteFile(pidFile, []byte(strconv.Itoa(c.Process.Pid)), 0o600)
	})
}

// TestCoordinatorLeavesAProcess: that holds up nobody, and the coordinator's end is known.
func TestCoordinatorLeavesAProcess(t *testing.T) {
	for _, killed := range []bool{false, true} {
		file := filepath.Join(t.TempDir(), "pid")
		m, err := carom.Start(t.Context(), &carom.Options{Memory: 1 << 20, Initializer: "leaving", InitArgs: []any{file}})
		require.NoError(t, err)
		d := carom.Must(carom.NewDict[string, int](m, "d"))
		said, err := os.ReadFile(file)
		require.NoError(t, err)
		pid, err := strconv.Atoi(string(said))
		require.NoError(t, err)
		if killed {
			require.NoError(t, syscall.Kill(coordinatorOf(t, m), syscall.SIGKILL))
			require.ErrorIs(t, receive(t, result(func() error { return d.Set(within(t), "k", 1) })), carom.ErrUnavailable)
		}
		require.NoError(t, receive(t, result(m.Close)))
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL), "it was to outlive the coordinator")
	}
}

// TestStrangers: an abstract name is for everybody to see, and for its user and root to use.
func TestStrangers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	m, err := carom.Start(t.Context(), &carom.Options{Memory: 1 << 20, AuthKey: []byte("a secret")})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	cmd := exec.Command("/proc/self/exe")
	cmd.Dir = "/"
	cmd.Env = []string{programEnv + "=away", "CAROM_ADDR=" + m.Addr(), "CAROM_AUTHKEY=a secret"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	said, err := cmd.Output()
	require.Error(t, err)
	require.Contains(t, string(said), "user 65534 may not use a coordinator of user 0")
}

// TestConfinedPrograms: where the system gives little, Start works, or says which limit is in
// the way and what to do.
func TestConfinedPrograms(t *testing.T) {
	for name, c := range map[string]struct {
		shell string // prepares the process
		says  string // of an error
	}{
		"no directory for temporary files": {"export TMPDIR=/nowhere; unset XDG_RUNTIME_DIR", ""},
		"32 descriptors":                   {"ulimit -n 32", ""},
		"12 descriptors":                   {"ulimit -n 12", "ulimit -n"},
		"small files":                      {"ulimit -S -f 100", ""},
		"little address space":             {"ulimit -v 33554432", "ulimit -v"},
	} {
		t.Run(name, func(t *testing.T) {
			if raced && strings.Contains(c.shell, "ulimit -v") {
				t.Skip("the race detector takes more address space itself")
			}
			confined(t, started(t, "placed", c.shell, "XDG_RUNTIME_DIR="), c.says)
		})
	}
	for name, c := range map[string]struct{ prepare, says string }{
		"read-only root": {"mount -o remount,bind,ro / && ! touch /etc/carom-test 2>/dev/null", ""},
		"no /proc":       {"mount -t tmpfs none /proc", "takes /proc: mount it"},
	} {
		t.Run(name, func(t *testing.T) {
			confined(t, unshared(t, "placed", c.prepare), c.says)
		})
	}
	t.Run("no /proc, remotely", func(t *testing.T) {
		m, err := carom.Start(t.Context(), &carom.Options{Memory: 1 << 20, AuthKey: []byte("a secret")})
		require.NoError(t, err)
		t.Cleanup(func() { _ = m.Close() })
		p := unshared(t, "away", "mount -t tmpfs none /proc", "CAROM_ADDR="+m.Addr(), "CAROM_AUTHKEY=a secret", "CAROM_REMOTE=1")
		require.Equal(t, []string{`carom: worker "measured": got 3`}, p.rest(t))
	})
	t.Run("small files for ever", func(t *testing.T) {
		if err := exec.Command("setpriv", "--bounding-set", "-sys_resource", "true").Run(); err != nil {
			t.Skip("setpriv:", err)
		}
		p := started(t, "placed", `ulimit -f 100; exec setpriv --bounding-set -sys_resource "$0"`, "XDG_RUNTIME_DIR=")
		confined(t, p, "ulimit -f")
	})
}

// unshared starts a program with mounts of its own, which sh prepares.
func unshared(t *testing.T, name, prepare string, env ...string) *play {
	t.Helper()
	if err := exec.Command("unshare", "--mount", "true").Run(); err != nil {
		t.Skip("unshare:", err)
	}
	return started(t, name, `exec unshare --mount sh -c '`+prepare+` || exit 7; exec "$0"' "$0"`, append(env, "XDG_RUNTIME_DIR=")...)
}

// confined expects that the program works, or that it says so.
func confined(t *testing.T, p *play, says string) {
	t.Helper()
	line := p.line(t)
	if says != "" {
		require.Contains(t, line, "error: ")
		require.Contains(t, line, says)
		return
	}
	require.Contains(t, line, "unix://@carom-")
	p.goOn(t)
	require.Empty(t, p.rest(t))
	require.NoError(t, p.Wait())
}
