package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// What is there each time is a finding; what comes and goes is somebody at work.
func TestFindings(t *testing.T) {
	look := 0
	check := func(context.Context) ([]string, error) {
		look++
		if look%2 == 0 {
			return []string{"lasting", "now"}, nil
		}
		return []string{"before", "lasting"}, nil
	}
	found, err := findings(t.Context(), check)
	require.NoError(t, err)
	require.Equal(t, []string{"lasting"}, found)
	require.Equal(t, looks, look)

	found, err = findings(t.Context(), func(context.Context) ([]string, error) { return nil, nil })
	require.NoError(t, err)
	require.Empty(t, found)
	_, err = findings(t.Context(), func(context.Context) ([]string, error) { return nil, carom.ErrCorrupt })
	require.ErrorIs(t, err, carom.ErrCorrupt)
}
