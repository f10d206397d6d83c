//go:build !linux

package coord

import "net"

// hangup is not available here: a client that is not reading learns with its
// next call that the coordinator is gone.
type hangup struct{}

func hungUp(net.Conn) bool       { return false }
func newHangup(net.Conn) *hangup { return nil }
func (*hangup) wait() bool       { return false }
func (*hangup) close()           {}
