package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/examples/internal/example"
)

func TestOutput(t *testing.T) {
	out := example.Run(t)
	hits, misses := strings.Count(out, ": hit, "), strings.Count(out, ": miss, ")
	require.Equal(t, workers*lookups, hits+misses)
	require.Contains(t, out, fmt.Sprintf("%d lookups, %d computed\n", workers*lookups, misses))
	_, final, ok := strings.Cut(out, "final cache: map[")
	require.True(t, ok, out)
	require.Len(t, strings.Fields(final), misses, "each entry was computed once")
}
