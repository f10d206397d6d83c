//go:build !linux

package coord

import (
	"errors"
	"fmt"
	"net"
)

// identify refuses: a unix socket whose peer cannot be checked would be open
// to every user who can reach it.
func (p *Peer) identify(*net.UnixConn) error {
	return fmt.Errorf("checking a unix socket's peer: %w", errors.ErrUnsupported)
}
