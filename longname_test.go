package carom_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// A name that is too long, or none at all, does not fill logs.
func TestLongNamesAreCut(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		long := strings.Repeat("long ", 1<<18)
		refused := func(err error) {
			t.Helper()
			require.Error(t, err)
			require.Less(t, len(err.Error()), 1000)
		}
		for _, m := range []*carom.Manager{a, b} {
			_, err := carom.NewLock(m, long)
			refused(err)
			require.ErrorIs(t, err, carom.ErrTooLarge)
			_, err = carom.NewDict[int, int](m, long)
			refused(err)
			require.ErrorIs(t, err, carom.ErrTooLarge)
			_, err = carom.OpenQueue[int](m, long)
			refused(err)
			refused(m.Remove(ctx, long))
			ns := carom.Must(carom.NewNamespace(m, "n"))
			_, err = carom.Attr[int](long).Get(ctx, ns)
			refused(err)
		}
		fits := strings.Repeat("n", 1024)
		_, err := carom.OpenLock(b, fits)
		require.ErrorContains(t, err, fits)
	})
}

// A key that others can read is used, with a warning.
func TestKeyThatOthersCanRead(t *testing.T) {
	m, err := carom.Start(t.Context(), &carom.Options{AuthKey: []byte("a key")})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	file := filepath.Join(t.TempDir(), "key")
	t.Setenv("CAROM_AUTHKEY", "")
	t.Setenv("CAROM_AUTHKEY_FILE", file)
	for mode, warns := range map[os.FileMode]bool{0o600: false, 0o644: true} {
		require.NoError(t, os.WriteFile(file, []byte("a key\n"), mode))
		require.NoError(t, os.Chmod(file, mode))
		var log bytes.Buffer
		c, err := carom.Connect(t.Context(), m.Addr(), &carom.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.Equal(t, warns, strings.Contains(log.String(), file), log.String())

		log.Reset()
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, carom.Serve(ctx, carom.ServeConfig{Memory: 8 << 20, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Ready: func([]string) { cancel() }}, time.Second))
		require.Equal(t, warns, strings.Contains(log.String(), file), log.String())
	}
}
