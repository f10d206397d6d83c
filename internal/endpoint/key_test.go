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
	_, err := KeyFromEnv()
	require.ErrorIs(t, err, errs.ErrAuth)

	t.Setenv("CAROM_AUTHKEY_FILE", file)
	key, err := KeyFromEnv()
	require.NoError(t, err)
	require.Equal(t, "of the file", string(key))

	t.Setenv("CAROM_AUTHKEY", "of the environment")
	key, err = KeyFromEnv()
	require.NoError(t, err)
	require.Equal(t, "of the environment", string(key))

	t.Setenv("CAROM_AUTHKEY", "")
	require.NoError(t, os.WriteFile(file, []byte("\n"), 0o600))
	_, err = KeyFromEnv()
	require.ErrorIs(t, err, errs.ErrAuth)
	require.NoError(t, os.Remove(file))
	_, err = KeyFromEnv()
	require.ErrorIs(t, err, errs.ErrAuth)
}
