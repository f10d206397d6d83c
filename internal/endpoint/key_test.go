package endpoint

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

func TestKeyFromEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("of the file\r\n"), 0o600))
	t.Setenv("CAROM_AUTHKEY", "")
	t.Setenv("CAROM_AUTHKEY_FILE", "")
	_, _, err := KeyFromEnv()
	require.ErrorIs(t, err, errs.ErrAuth)

	t.Setenv("CAROM_AUTHKEY_FILE", file)
	key, warning, err := KeyFromEnv()
	require.NoError(t, err)
	require.Equal(t, "of the file", string(key))
	require.Empty(t, warning)
	for _, mode := range []os.FileMode{0o640, 0o604} {
		require.NoError(t, os.Chmod(file, mode))
		key, warning, err = KeyFromEnv()
		require.NoError(t, err)
		require.Equal(t, "of the file", string(key))
		require.Contains(t, warning, file)
	}

	t.Setenv("CAROM_AUTHKEY", "of the environment")
	key, warning, err = KeyFromEnv()
	require.NoError(t, err)
	require.Equal(t, "of the environment", string(key))
	require.Empty(t, warning)

	t.Setenv("CAROM_AUTHKEY", "")
	require.NoError(t, os.WriteFile(file, []byte("\n"), 0o600))
	_, _, err = KeyFromEnv()
	require.ErrorIs(t, err, errs.ErrAuth)
	require.NoError(t, os.Remove(file))
	_, _, err = KeyFromEnv()
	require.ErrorIs(t, err, errs.ErrAuth)
}
