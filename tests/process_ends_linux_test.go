package tests

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom"
)

// ends are ways for a worker to end, and what Wait says of them; nothing for success.
// Where the status cannot be read, unread is what it says instead.
var ends = []struct {
	name         string
	f            func() error
	says, unread string
	is           error
}{
	{name: "nil", f: func() error { return nil }},
	{name: "error", f: func() error { return fmt.Errorf("no luck: %w", carom.ErrFull) }, says: "no luck: full", is: carom.ErrFull},
	{name: "error without words", f: func() error { return errors.New("") }, says: `worker "ending": `},
	{name: "long error", f: func() error { return errors.New(strings.Repeat("long ", 20<<20)) }, says: "long long"},
	{name: "panic", f: func() error { panic("oh dear") }, says: "panic: oh dear"},
	{name: "panic of an error", f: func() error { panic(carom.ErrFull) }, says: "panic: full", is: carom.ErrFull},
	{name: "Goexit", f: func() error { runtime.Goexit(); return nil }, says: "runtime.Goexit"},
	{name: "exit 0", f: func() error { os.Exit(0); return nil }, says: "exited with status 0 before its function returned", unread: "ended before its function returned"},
	{name: "exit 3", f: func() error { os.Exit(3); return nil }, says: "exit status 3", unread: "ended before its function returned"},
	{name: "exec", f: func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) }, says: "exec"}, // it may have ended before somebody looks
	{name: "killed", f: func() error { return killSelf() }, says: "signal: killed", unread: "ended before its function returned"},
	{name: "a panic elsewhere", f: func() error { quietly(); go panic("elsewhere"); select {} }, says: "exit status 2", unread: "ended before its function returned"},
}

func killSelf() error {
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		return err
	}
	select {}
}

// quietly spares the tests' output the stack of a crash.
func quietly() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		_ = unix.Dup3(int(null.Fd()), 2, 0)
	}
}

var ending = carom.NewWorker("ending", func(_ context.Context, i int) error { return ends[i].f() })

// parents are what a parent may make of its children's ends.
var parents = map[string]func(){
	"ordinary": func() {},
	// The kernel reaps them.
	"ignoring": func() { signal.Ignore(syscall.SIGCHLD) },
	// As the first process of a container does it.
	"reaping": func() {
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGCHLD)
		go func() {
			for range ended {
				for pid := 1; pid > 0; {
					pid, _ = unix.Wait4(-1, nil, unix.WNOHANG, nil)
				}
			}
		}()
	},
}

const parentEnv = "CAROM_TEST_PARENT"

func init() {
	programs["ends"] = func(ctx context.Context) error {
		parents[os.Getenv(parentEnv)]()
		m, err := carom.Start(ctx, &carom.Options{Memory: 64 << 20})
		if err != nil {
			return err
		}
		for i, e := range ends {
			p, err := ending.Start(ctx, m, i)
			if err != nil {
				return err
			}
			fmt.Println(e.name+":", verdict(p.Wait(), i))
		}
		fmt.Println("close:", m.Close())
		return nil
	}
}

// verdict says what is wrong with what Wait returned.
func verdict(err error, i int) string {
	e := ends[i]
	var exit *exec.ExitError
	switch {
	case e.says == "" && err == nil:
		return "ok"
	case err == nil || e.is != nil && !errors.Is(err, e.is):
		return fmt.Sprint("wrong: ", err)
	case e.says != "" && strings.Contains(err.Error(), e.says):
		if e.unread != "" && !strings.Contains(e.says, "status 0") && !errors.As(err, &exit) {
			return fmt.Sprintf("no *exec.ExitError: %v", err)
		}
		return "ok"
	case e.unread != "" && os.Getenv(parentEnv) != "ordinary" && strings.Contains(err.Error(), e.unread) && errors.Is(err, syscall.ECHILD):
		return "ok"
	}
	return fmt.Sprintf("wrong: %.200v", err)
}

// TestHowWorkersEnd: success is what returned nil, and all else is a failure that says what
// happened, whoever reaps the processes.
func TestHowWorkersEnd(t *testing.T) {
	for name := range parents {
		t.Run(name, func(t *testing.T) {
			p := started(t, "ends", "", parentEnv+"="+name)
			for _, e := range ends {
				require.Equal(t, e.name+": ok", p.line(t))
			}
			require.Equal(t, "close: <nil>", p.line(t))
		})
	}
}

// TestGroupOfExits: a member that exits without a word of its function fails its group.
func TestGroupOfExits(t *testing.T) {
	m := manager(t)
	g := carom.NewGroup(t.Context(), m)
	ready := carom.Must(carom.NewValue[int](m, "ready"))
	stubborn.Go(g, ready)
	idle.Go(g, ready)
	eventually(t, "both wait", func() bool { return ready.Load() == 2 })
	for i, e := range ends {
		if e.name == "exit 0" {
			ending.Go(g, i)
		}
	}
	require.ErrorContains(t, receive(t, result(g.Wait)), "exited with status 0", "the first error counts")
}

var measured = carom.NewWorker("measured", func(_ context.Context, b []byte) error {
	if n := bytes.Count(b, []byte{7}); n != len(b) {
		return fmt.Errorf("%d of %d bytes", n, len(b))
	}
	return fmt.Errorf("got %d", len(b))
})

// TestLargeArguments: more than a message takes, and what a connection's buffers take.
func TestLargeArguments(t *testing.T) {
	m := manager(t)
	for _, size := range []int{0, 1 << 20, 65 << 20} {
		p, err := measured.Start(t.Context(), m, bytes.Repeat([]byte{7}, size))
		require.NoError(t, err)
		require.ErrorContains(t, p.Wait(), fmt.Sprintf("got %d", size))
	}
}

// TestWorkersThatNobodyFinds: NewWorker and Start refuse what would fail in the new process.
func TestWorkersThatNobodyFinds(t *testing.T) {
	nothing := func(context.Context, int) error { return nil }
	require.PanicsWithValue(t, "carom: a worker without a name", func() { carom.NewWorker("", nothing) })
	require.PanicsWithValue(t, `carom: worker "no function" has no function`, func() { carom.NewWorker[int]("no function", nil) })
	require.Panics(t, func() { carom.NewWorker("ending", nothing) })

	m := manager(t)
	for name, w := range map[string]*carom.Worker[int]{"late": carom.NewWorker("late "+rand.Text(), nothing), "zero": new(carom.Worker[int])} {
		p, err := w.Start(t.Context(), m, 1)
		require.Nil(t, p, name)
		require.ErrorIs(t, err, carom.ErrNotFound, name)
		require.ErrorContains(t, err, "workers are package variables", name)
	}
}
