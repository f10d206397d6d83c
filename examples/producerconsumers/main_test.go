package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/examples/internal/example"
)

func TestOutput(t *testing.T) {
	out := example.Run(t)
	taken := 0
	for i := range items {
		require.Contains(t, out, fmt.Sprintf("produced item_%d\n", i))
		taken += strings.Count(out, fmt.Sprintf("took item_%d\n", i))
	}
	require.Equal(t, items, taken, "each item is taken once")
	require.Contains(t, out, "everything is produced\n")

	_, final, ok := strings.Cut(out, "final stats: map[")
	require.True(t, ok, out)
	counts := map[string]int{}
	for field := range strings.FieldsSeq(strings.TrimRight(final, "]\n")) {
		name, n, _ := strings.Cut(field, ":")
		count, err := strconv.Atoi(n)
		require.NoError(t, err)
		counts[name] = count
	}
	require.Equal(t, items, counts["produced"])
	require.Equal(t, items, counts["consumer_0"]+counts["consumer_1"])
}
