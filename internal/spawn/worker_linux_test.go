package spawn

import (
	"errors"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom/internal/errs"
)

// A process that closed its connection either runs another program or is about to end.
func TestOtherProgram(t *testing.T) {
	path, err := exec.LookPath("sleep")
	require.NoError(t, err)
	path, err = filepath.EvalSymlinks(path)
	require.NoError(t, err)
	cmd := exec.Command(path, "60")
	require.NoError(t, cmd.Start())
	require.Equal(t, path, otherProgram(cmd.Process))
	require.NoError(t, cmd.Process.Kill())
	require.NoError(t, unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
	require.Empty(t, otherProgram(cmd.Process))
	require.Error(t, cmd.Wait())
}

func exitOf(t *testing.T, shell string) error {
	err := exec.Command("/bin/sh", "-c", shell).Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	return err
}

func TestVanished(t *testing.T) {
	three, killed := exitOf(t, "exit 3"), exitOf(t, "kill -KILL $$")
	for _, c := range []struct {
		program string
		reaped  error
		says    string
	}{
		{"", nil, "status 0 before its function returned"},
		{"", three, "before its function returned, as by os.Exit or exec, or by a crash: exit status 3"},
		{"", killed, "signal: killed"},
		{"", syscall.ECHILD, "its status is lost"},
		{"/bin/sleep", nil, "another program by exec, /bin/sleep, which exited with status 0"},
		{"/bin/sleep", killed, "another program by exec, /bin/sleep: its function did not return: signal: killed"},
	} {
		err := vanished(c.program, c.reaped)
		require.ErrorContains(t, err, c.says)
		if c.reaped != nil {
			require.ErrorIs(t, err, c.reaped)
		}
	}
}

func TestOutcome(t *testing.T) {
	sixtySix, killed := exitOf(t, "exit 66"), exitOf(t, "kill -KILL $$")
	full := errorMessage(errs.ErrFull)
	for name, c := range map[string]struct {
		last   message
		reaped error
		is     error // what is in it; nil for success
	}{
		"success":                      {message{Kind: kindResult}, nil, nil},
		"reaped by somebody else":      {message{Kind: kindResult}, syscall.ECHILD, nil},
		"killed afterwards":            {message{Kind: kindResult}, killed, nil},
		"fault at exit":                {message{Kind: kindResult}, sixtySix, sixtySix},
		"failure":                      {full, exitOf(t, "exit 1"), errs.ErrFull},
		"failure, killed":              {full, killed, errs.ErrFull},
		"failure, reaped by others":    {full, syscall.ECHILD, errs.ErrFull},
		"of a cause":                   {message{Kind: kindError, Text: "x", Cause: "manager"}, nil, ErrManagerClosed},
		"of a cause that is not known": {message{Kind: kindError, Text: "x", Cause: "weather", Code: "full"}, nil, errs.ErrFull},
		"a word that nobody would say": {message{Kind: "hello"}, nil, errs.ErrCorrupt},
	} {
		err := outcome(c.last, c.reaped)
		if c.is == nil {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, c.is, name)
		}
	}
	require.Error(t, outcome(errorMessage(errors.New("")), nil), "an error without words")
}

// StartWorker and Launch refuse arguments before they start a process.
func TestArgumentsThatAreTooLarge(t *testing.T) {
	w, err := StartWorker(t.Context(), Start{Name: "none", Args: make([]byte, maxArgs+1)}, nil)
	require.Nil(t, w)
	require.ErrorIs(t, err, errs.ErrTooLarge)
	_, err = Launch(t.Context(), LaunchConfig{Start: Start{Args: make([]byte, maxArgs+1)}}, nil)
	require.ErrorIs(t, err, errs.ErrTooLarge)
}
