package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func TestServeLimits(t *testing.T) {
	s := startServer(t, testKey, "-listen", "tcp://127.0.0.1:0", "-max-frame", "100KiB", "-max-depth", "5",
		"-max-connections", "2", "-max-sessions", "2", "-max-objects-memory", "300KiB", "-grace", "1ms")
	opts := &carom.Options{AuthKey: []byte(testKey)}
	ctx := t.Context()
	m, err := carom.Connect(ctx, s.addr, opts)
	require.NoError(t, err)
	defer m.Close()
	d := carom.Must(carom.NewDict[string, any](m, "d"))
	err = d.Set(ctx, "large", make([]byte, 101<<10))
	require.ErrorIs(t, err, carom.ErrTooLarge)
	require.ErrorContains(t, err, "the limit is 102400")
	err = d.Set(ctx, "deep", []any{[]any{[]any{[]any{[]any{[]any{[]any{}}}}}}})
	require.ErrorIs(t, err, carom.ErrTooLarge)
	for i := 0; err == nil || i < 2; i++ {
		require.Less(t, i, 10)
		err = d.Set(ctx, string(rune('a'+i)), make([]byte, 90<<10))
	}
	require.ErrorIs(t, err, carom.ErrNoMemory)

	second, err := carom.Connect(ctx, s.addr, opts)
	require.NoError(t, err)
	_, err = carom.Connect(ctx, s.addr, opts)
	require.ErrorIs(t, err, carom.ErrTooLarge)
	require.NoError(t, second.Close())
	require.Eventually(t, func() bool {
		third, err := carom.Connect(ctx, s.addr, opts)
		return err == nil && third.Close() == nil
	}, 10*time.Second, time.Millisecond, "there is room again")
}
