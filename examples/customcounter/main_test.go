package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/examples/internal/example"
)

func TestOutput(t *testing.T) {
	out := example.Run(t)
	require.Contains(t, out, "initial value: 0\n")
	require.Contains(t, out, "final value: 3\n") // each worker has three increments and two decrements
	for w := range 3 {
		require.Contains(t, out, fmt.Sprintf("worker %d: incremented to ", w))
		require.Contains(t, out, fmt.Sprintf("worker %d: decremented to ", w))
	}
}
