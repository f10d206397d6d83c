package carom

import (
	"context"
	"net"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/spawn"
	"github.com/carom-ipc/carom/shm"
)

// ownManager is the key of a context's value: the coordinator's own manager.
type ownManager struct{}

// newOwnManager makes the manager that methods, factories and initializers have of the
// coordinator that they run in: it shares the coordinator's arena, and reaches its objects
// through a connection of its own, made when it is first needed.
func newOwnManager(opts Options, addr string, key []byte, arena *shm.Arena, server *coord.Server) *Manager {
	m := freshManager(opts, addr, key, arena)
	m.own = func(context.Context) (net.Conn, error) {
		ours, theirs, err := connectedPair()
		if err == nil {
			server.Attend(theirs)
		}
		return ours, err
	}
	register(m, arena.ID())
	return m
}

// connectedPair is a connection's two ends.
func connectedPair() (a, b net.Conn, err error) {
	f, g, err := spawn.SocketPair()
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	defer g.Close()
	if a, err = net.FileConn(f); err != nil {
		return nil, nil, err
	}
	if b, err = net.FileConn(g); err != nil {
		_ = a.Close()
		return nil, nil, err
	}
	return a, b, nil
}
