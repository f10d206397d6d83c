package endpoint

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// The directory of a socket that nobody listens on any more goes with the next Listen, and
// that of one in use stays.
func TestSocketDirs(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	stale, staleAddr, err := Listen("", nil)
	require.NoError(t, err)
	require.NoError(t, stale.Close())
	_, path, err := Parse(staleAddr)
	require.NoError(t, err)
	require.FileExists(t, path, "its listener died")

	l, addr, err := Listen("", nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	require.NoDirExists(t, filepath.Dir(path))
	other, otherAddr, err := Listen("", nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = other.Close() })
	for _, a := range []string{addr, otherAddr} {
		_, path, err := Parse(a)
		require.NoError(t, err)
		conn, err := net.Dial("unix", path)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		RemoveSocketDir(a)
		require.NoDirExists(t, filepath.Dir(path))
	}
}

func TestRemoveSocketDirKeepsOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), socketName)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	RemoveSocketDir("unix://" + path)
	RemoveSocketDir("tcp://127.0.0.1:1")
	RemoveSocketDir("")
	require.FileExists(t, path)
}

func TestListenMakesWay(t *testing.T) {
	addr := "unix://" + filepath.Join(t.TempDir(), "s")
	l, got, err := Listen(addr, nil)
	require.NoError(t, err)
	require.Equal(t, addr, got)
	_, _, err = Listen(addr, nil)
	require.ErrorIs(t, err, errs.ErrExists)

	l.(*net.UnixListener).SetUnlinkOnClose(false) // as where its process was killed
	require.NoError(t, l.Close())
	l, _, err = Listen(addr, nil)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	_, _, err = Listen("tls://127.0.0.1:0", nil)
	require.ErrorIs(t, err, errs.ErrAuth)
}
