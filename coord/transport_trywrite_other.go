//go:build !unix

package coord

import "net"

// tryWriter returns nil: a write that is certain not to wait is not to be had
// here, and the outbox leaves all of them to its background writer.
func tryWriter(net.Conn) func([]byte) (int, error) { return nil }
