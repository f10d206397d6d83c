package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/examples/internal/example"
)

func TestOutput(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(example.Run(t)), "\n")
	require.Equal(t, fmt.Sprintf("processed %d tasks:", tasks), lines[0])
	require.Len(t, lines, 1+tasks)
	for i, line := range lines[1:] {
		var id, in, out, worker int
		var operation string
		_, err := fmt.Sscanf(line, "task %d: %d %s = %d (worker %d)", &id, &in, &operation, &out, &worker)
		require.NoError(t, err, line)
		require.Equal(t, i, id)
		require.Equal(t, map[string]int{"square": in * in, "cube": in * in * in, "double": 2 * in}[operation], out, line)
		require.Less(t, worker, workers)
	}
}
