package carom_test

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// A TLS configuration that the connection makes no use of keeps nobody from having workers.
func TestWorkersWhereTLSIsNotUsed(t *testing.T) {
	key := []byte("a secret")
	a, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20, AuthKey: key, Addr: "tcp://127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Close() })
	b, err := carom.Connect(t.Context(), a.Addr(), &carom.Options{AuthKey: key, TLS: &tls.Config{}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	p, err := failing.Start(t.Context(), b, "error")
	require.NoError(t, err)
	require.ErrorIs(t, p.Wait(), carom.ErrFull)
}
