package coord

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

func TestWelcomeBringsFiles(t *testing.T) {
	var files []*os.File
	for _, name := range []string{"one", "two"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(name), 0o600))
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		files = append(files, f)
	}
	_, c := pair(t, Config{Welcome: func(p Peer) ([]byte, []*os.File, error) {
		return []byte("for process"), files, nil
	}})
	payload, got := c.Welcome()
	require.Equal(t, "for process", string(payload))
	require.Len(t, got, 2)
	for i, want := range []string{"one", "two"} {
		b, err := io.ReadAll(got[i])
		require.NoError(t, err)
		require.Equal(t, want, string(b))
		require.NoError(t, got[i].Close())
	}
	require.NoError(t, c.Ping(testContext(t)))
}

func TestWelcomeThatFails(t *testing.T) {
	_, path := serveTest(t, Config{Welcome: func(Peer) ([]byte, []*os.File, error) {
		return nil, nil, errors.New("a detail for the log")
	}})
	_, err := Dial(testContext(t), "unix", path, DialConfig{AuthKey: testKey})
	require.ErrorIs(t, err, errs.ErrUnavailable)
	require.NotContains(t, err.Error(), "detail")
}
