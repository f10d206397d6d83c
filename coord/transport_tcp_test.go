package coord

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Over TCP, where nobody can tell whose process is dead: goodbye arrives even if
// replies have not been read, and a reset follows it.
func TestCloseOverTCP(t *testing.T) {
	cfg, ended := ends(Config{AuthKey: testKey, Limits: Limits{Grace: long}})
	s, err := NewServer(cfg)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	for range 20 {
		c, err := Dial(testContext(t), "tcp", l.Addr().String(), DialConfig{AuthKey: testKey})
		require.NoError(t, err)
		d := open(t, c, KindDict, "d")
		invoke(t, c, d, "set", "k", make([]byte, 100<<10))
		for range 5 {
			gone, cancel := context.WithTimeout(testContext(t), 50*time.Microsecond)
			c.Call(gone, d, "get", args("k"), nil)
			cancel()
		}
		require.NoError(t, c.Close())
		<-ended
	}
	require.NoError(t, s.Close())
	require.NoError(t, <-served)
}
