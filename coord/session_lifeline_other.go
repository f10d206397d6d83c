//go:build !linux

package coord

import "net"

// lifeline is not available here: a session outlives its connection for the
// grace period, whatever became of the client's process.
type lifeline struct{}

func newLifeline(net.Conn, Peer) (*lifeline, error) { return nil, nil }
func (*lifeline) watch(func()) (stop func())        { return func() {} }
func (*lifeline) close()                            {}
