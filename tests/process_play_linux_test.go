package tests

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// play is a program of the tests at work, in a process group of its own.
type play struct {
	*exec.Cmd
	lines chan string // that it prints; closed at its end
	tell  io.WriteCloser
}

// started starts a program. shell prepares the process, in sh, if it is not empty.
func started(t testing.TB, name, shell string, env ...string) *play {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	p := &play{Cmd: exec.Command(exe), lines: make(chan string, 100)}
	if shell != "" {
		p.Cmd = exec.Command("/bin/sh", "-c", shell+`; exec "$0"`, exe)
	}
	p.Env = append(append(os.Environ(), programEnv+"="+name), env...)
	p.Stderr = os.Stderr
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	p.tell, err = p.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	go func() {
		defer close(p.lines)
		s := bufio.NewScanner(out)
		for s.Scan() {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { _ = p.signal(syscall.SIGKILL); _ = p.Wait() })
	return p
}

// line is what it prints next.
func (p *play) line(t testing.TB) string {
	t.Helper()
	return strings.TrimSpace(receive(t, p.lines))
}

// rest is all that it prints until its end.
func (p *play) rest(t testing.TB) (all []string) {
	t.Helper()
	for line := receive(t, p.lines); line != ""; line = receive(t, p.lines) {
		all = append(all, line)
	}
	return all
}

// signal sends a signal to the whole process group.
func (p *play) signal(sig syscall.Signal) error { return syscall.Kill(-p.Process.Pid, sig) }

// goOn has a program that waits in heard go on.
func (p *play) goOn(t testing.TB) {
	t.Helper()
	_, err := fmt.Fprintln(p.tell)
	require.NoError(t, err)
}

// heard waits, in a program, until the test says goOn.
func heard() { _, _ = bufio.NewReaderSize(os.Stdin, 16).ReadString('\n') }
