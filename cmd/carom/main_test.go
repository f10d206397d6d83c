package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// actAsCarom makes the test binary carom itself, so that the tests run the real thing,
// under the race detector where they do.
const actAsCarom = "CAROM_TEST_ACT_AS_CAROM"

func TestMain(m *testing.M) {
	at = dieAtRandom
	carom.Init()
	if os.Getenv(actAsCarom) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// caromCommand is carom with arguments, in an environment without a key.
func caromCommand(t testing.TB, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = append(os.Environ(), actAsCarom+"=1", "CAROM_AUTHKEY=", "CAROM_AUTHKEY_FILE=", "GORACE=atexit_sleep_ms=0")
	return cmd
}

type result struct {
	code           int
	stdout, stderr string
}

func runCarom(t testing.TB, key string, args ...string) result {
	cmd := caromCommand(t, args...)
	if key != "" {
		cmd.Env = append(cmd.Env, "CAROM_AUTHKEY="+key)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		require.NoError(t, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{nil, 2, "", "Usage:"},
		{[]string{"help"}, 0, "Usage:", ""},
		{[]string{"--help"}, 0, "Usage:", ""},
		{[]string{"demo", "-h"}, 0, "Usage:", ""},
		{[]string{"frobnicate"}, 2, "", `there is no command "frobnicate"`},
		{[]string{"version"}, 0, "carom ", ""},
		{[]string{"version", "now"}, 2, "", `unexpected argument "now"`},
		{[]string{"ls"}, 2, "", "ADDR is missing"},
		{[]string{"doctor", "unix:///a", "unix:///b"}, 2, "", `unexpected argument "unix:///b"`},
		{[]string{"serve", "-memory", "lots"}, 2, "", "want bytes such as"},
		{[]string{"demo", "-workers", "0"}, 2, "", "want 1 to"},
		{[]string{"demo", "-kill", "-1"}, 2, "", "want 0 to"},
		{[]string{"demo", "-dir", filepath.Join(t.TempDir(), "missing")}, 2, "", "no such file"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			r := runCarom(t, "", c.args...)
			require.Equal(t, c.code, r.code, r)
			require.Contains(t, r.stdout, c.stdout)
			require.Contains(t, r.stderr, c.stderr)
			if c.stdout == "" {
				require.Empty(t, r.stdout)
			}
		})
	}
}
