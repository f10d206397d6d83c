package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGen(t *testing.T) {
	const dir = "../../examples/customcounter"
	want, err := os.ReadFile(filepath.Join(dir, "counter_proxy.go"))
	require.NoError(t, err)
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run([]string{"gen", "-type", "Counter", "-o", "-", dir}, &stdout, &stderr), &stderr)
	require.Equal(t, string(want), stdout.String())
	file := filepath.Join(t.TempDir(), "proxy.go")
	require.Equal(t, exitOK, run([]string{"gen", "-type", "counter", "-o", file, dir}, &stdout, &stderr), &stderr)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(got), "CounterProxy", "the Go type's name; another file has a Counter")

	for _, args := range [][]string{{"gen"}, {"gen", "-type", "Nope", dir}, {"gen", "-type", "Counter", "a", "b"}, {"gen", "-type", "Counter", t.TempDir()}} {
		stderr.Reset()
		require.Equal(t, exitCannot, run(args, &stdout, &stderr))
		require.Contains(t, stderr.String(), "carom gen: ")
	}
}
