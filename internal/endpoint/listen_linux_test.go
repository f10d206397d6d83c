package endpoint

import (
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// A socket whose address nobody chose is in the runtime directory where that serves, and has
// an abstract name elsewhere.
func TestListenAnywhere(t *testing.T) {
	private := func(t *testing.T) string {
		dir := must(os.MkdirTemp("", "run")) // t.TempDir's is too long
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	for name, c := range map[string]struct {
		dir    func(t *testing.T) string
		serves bool
	}{
		"private":      {private, true},
		"none":         {func(*testing.T) string { return "" }, false},
		"relative":     {func(*testing.T) string { return "." }, false},
		"missing":      {func(t *testing.T) string { return filepath.Join(private(t), "missing") }, false},
		"others enter": {func(t *testing.T) string { d := private(t); require.NoError(t, os.Chmod(d, 0o711)); return d }, false},
		"too long": {func(t *testing.T) string {
			d := filepath.Join(private(t), strings.Repeat("d", 80))
			require.NoError(t, os.Mkdir(d, 0o700))
			return d
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.dir(t)
			t.Setenv("XDG_RUNTIME_DIR", dir)
			l, addr, err := Listen("", nil)
			require.NoError(t, err)
			network, address, err := Parse(addr)
			require.NoError(t, err)
			require.Equal(t, "unix", network)
			if c.serves {
				require.Equal(t, dir, filepath.Dir(address))
			} else {
				require.True(t, isAbstract(address), address)
			}
			conn, err := net.Dial(network, address)
			require.NoError(t, err)
			require.NoError(t, conn.Close())
			require.NoError(t, l.Close())
			if c.serves {
				require.NoFileExists(t, address)
			}
		})
	}
}

// Of the sockets in the runtime directory, those go that nobody listens on any more: with
// their processes, or with the next Listen.
func TestSocketsThatAreLeft(t *testing.T) {
	dir := must(os.MkdirTemp("", "run")) // t.TempDir's is too long
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
	left := func() string {
		l, addr, err := Listen("", nil)
		require.NoError(t, err)
		l.(*net.UnixListener).SetUnlinkOnClose(false) // as where its process was killed
		require.NoError(t, l.Close())
		return addr
	}
	path := func(addr string) string { return strings.TrimPrefix(addr, "unix://") }
	one := left()
	require.FileExists(t, path(one))
	RemoveSocket(one, 0)
	require.NoFileExists(t, path(one))

	old, young := left(), left()
	long := time.Now().Add(-2 * staleAge)
	require.NoError(t, os.Chtimes(path(old), long, long))
	l, addr, err := Listen("", nil)
	require.NoError(t, err)
	require.NoFileExists(t, path(old))
	require.FileExists(t, path(young), "it may not be listened on yet")

	require.NoError(t, os.Chtimes(path(addr), long, long))
	next, _, err := Listen("", nil)
	require.NoError(t, err)
	require.NoError(t, next.Close())
	RemoveSocket(addr, 0)
	require.FileExists(t, path(addr), "somebody listens there")
	over := make(chan struct{})
	go func() { defer close(over); RemoveSocket(addr, time.Minute) }()
	var last net.Conn
	for range 3 { // two looked whether somebody listens, and the third waits
		last, err = l.Accept()
		require.NoError(t, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	require.NoError(t, last.Close())
	<-over
	require.NoFileExists(t, path(addr), "it died meanwhile")

	chosen := filepath.Join(t.TempDir(), socketPrefix+"mine"+socketSuffix)
	require.NoError(t, os.WriteFile(chosen, nil, 0o600))
	for _, a := range []string{"unix://" + chosen, "unix://@name", "tcp://127.0.0.1:1", ""} {
		RemoveSocket(a, 0)
	}
	require.FileExists(t, chosen)
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

// An abstract name is taken while somebody listens, and free at once afterwards.
func TestListenAbstract(t *testing.T) {
	addr := "unix://@carom-test-" + rand.Text()
	for range 2 {
		l, got, err := Listen(addr, nil)
		require.NoError(t, err)
		require.Equal(t, addr, got)
		_, _, err = Listen(addr, nil)
		require.ErrorIs(t, err, errs.ErrExists)
		require.NoError(t, l.Close())
	}
	fd, err := boundNotListening(addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = fd.Close() })
	_, _, err = Listen(addr, nil)
	require.ErrorIs(t, err, errs.ErrExists)
}
