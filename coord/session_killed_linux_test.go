package coord

import (
	"context"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func init() {
	// A client whose call waits. With a second argument, it has lost its connection.
	commands["client"] = func() {
		if len(os.Args) > 2 {
			conn, err := net.Dial("unix", os.Args[1])
			if err != nil {
				panic(err)
			}
			h := hello{version: protocolVersion, nonce: newNonce(), options: handshakeOptions{}}
			h.options.setBool(optionResume, true)
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			if _, _, _, err := greet(conn, testKey, h); err != nil {
				panic(err)
			}
			conn.Write(frames(string(appendRequest(nil, 1, 0, "ping", args()))))
			io.ReadFull(conn, make([]byte, 1))
			conn.Close()
		} else {
			c, err := Dial(context.Background(), "unix", os.Args[1], DialConfig{AuthKey: testKey})
			if err != nil {
				panic(err)
			}
			id, err := c.Open(context.Background(), "gate", "g", "", nil, Create)
			if err != nil {
				panic(err)
			}
			go c.Call(context.Background(), id, "wait", args(), nil)
		}
		signalReady()
		untilOrphaned()
		os.Exit(1) // and say no goodbye
	}
}

// The locks of a killed client do not wait for the grace period: its process is
// known to be dead.
func TestClientIsKilled(t *testing.T) {
	g := newGate()
	cfg, ended := ends(Config{Kinds: g.kind(), Limits: Limits{Grace: long}})
	_, path := serveTest(t, cfg)
	client := startCommand(t, "client", path)
	<-g.entered
	require.NoError(t, client.Process.Kill())
	<-ended
	<-g.left
}

func TestClientIsKilledDuringGrace(t *testing.T) {
	cfg, ended := ends(Config{Limits: Limits{Grace: long}})
	s, path := serveTest(t, cfg)
	client := startCommand(t, "client", path, "away")
	require.Equal(t, 1, s.Stats().Sessions)
	require.Empty(t, ended)
	require.NoError(t, client.Process.Kill())
	<-ended
	require.Zero(t, s.Stats().Sessions)
}
