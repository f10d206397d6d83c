package main

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsTerminal(t *testing.T) {
	require.False(t, isTerminal(io.Discard))
	for _, name := range []string{os.DevNull, "/dev/zero", os.Args[0]} {
		f, err := os.Open(name)
		require.NoError(t, err)
		require.False(t, isTerminal(f), name)
		require.NoError(t, f.Close())
	}
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	require.True(t, isTerminal(ptmx))
	require.NoError(t, ptmx.Close())
}
