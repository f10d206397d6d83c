package coord

import (
	"fmt"
	"net"
	"os"

	"github.com/carom-ipc/carom/internal/errs"
)

// Peer is who is at the other end of a connection.
type Peer struct {
	Network string // "unix", "tcp", …
	Addr    string // empty for most unix sockets
	// Local says that the kernel vouched for PID, UID and GID: the peer is a
	// process on this machine, and descriptors can be passed to it.
	Local bool
	// Inside says that it is the coordinator's own process, by Server.Attend.
	Inside        bool
	PID, UID, GID int
}

func peerOf(conn net.Conn) (Peer, error) {
	p := Peer{Network: conn.RemoteAddr().Network(), Addr: conn.RemoteAddr().String(), PID: -1, UID: -1, GID: -1}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return p, nil
	}
	return p, p.identify(unixConn)
}

// allowed tells whether the peer may try its key: over a unix socket only
// this user and root may.
func (p Peer) allowed() error {
	if p.Local && p.UID != os.Geteuid() && p.UID != 0 {
		return fmt.Errorf("%w: user %d may not use a coordinator of user %d", errs.ErrAuth, p.UID, os.Geteuid())
	}
	return nil
}
