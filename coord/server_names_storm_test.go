package coord_test

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/namestest"
)

func TestDirectory(t *testing.T) { namestest.Contract(t, coord.NewDirectory()) }

func TestNamesAreLinearizable(t *testing.T) {
	s, err := coord.NewServer(coord.Config{AuthKey: coord.TestKey})
	require.NoError(t, err)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	defer func() {
		require.NoError(t, s.Close())
		require.NoError(t, <-served)
	}()
	params := map[string][]byte{}
	for _, kind := range []string{coord.KindDict, coord.KindList, coord.KindNamespace} {
		params[kind] = coord.AppendNull(nil)
	}
	var users []namestest.User
	for range 5 {
		c, err := coord.Dial(t.Context(), "unix", l.Addr().String(), coord.DialConfig{AuthKey: coord.TestKey})
		require.NoError(t, err)
		defer c.Close()
		users = append(users, namestest.Client(c, params))
	}
	for seed := range uint64(8) {
		namestest.Storm(t, seed, users, 200)
	}
}
