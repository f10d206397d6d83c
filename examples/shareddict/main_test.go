package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/examples/internal/example"
)

func TestOutput(t *testing.T) {
	out := example.Run(t)
	require.Contains(t, out, `final dict: map["initial":"value" "worker_0":"hello from worker 0" `+
		`"worker_1":"hello from worker 1" "worker_2":"hello from worker 2"]`)
	require.Contains(t, out, `final list: ["one" "two" "three" "item from worker `)
	for _, w := range []string{"0", "1", "2"} {
		require.Contains(t, out, "worker "+w+" sees")
		require.Contains(t, out, `"item from worker `+w+`"`)
	}
}
