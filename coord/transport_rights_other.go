//go:build !linux

package coord

import (
	"errors"
	"fmt"
	"net"
	"os"
)

func writeWithFiles(net.Conn, []byte, []*os.File) error {
	return fmt.Errorf("passing descriptors: %w", errors.ErrUnsupported)
}

// rightsReader only reads: descriptors are not passed here.
type rightsReader struct {
	conn  net.Conn
	files []*os.File
}

func newRightsReader(conn net.Conn) *rightsReader { return &rightsReader{conn: conn} }

func (r *rightsReader) Read(b []byte) (int, error) { return r.conn.Read(b) }
