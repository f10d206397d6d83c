package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadAuthKeyWarns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("a key\n"), 0o600))
	var stderr bytes.Buffer
	key, err := readAuthKey(file, &stderr)
	require.NoError(t, err)
	require.Equal(t, "a key", string(key))
	require.Empty(t, stderr.String())
	require.NoError(t, os.Chmod(file, 0o644))
	_, err = readAuthKey(file, &stderr)
	require.NoError(t, err)
	require.Contains(t, stderr.String(), file)
}
