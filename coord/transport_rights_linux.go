package coord

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// maxFiles bounds the descriptors that a welcome brings; the kernel's own
// limit for one message is 253.
const maxFiles = 16

// writeWithFiles writes b with descriptors of files attached to its first
// byte. The files stay the caller's.
func writeWithFiles(conn net.Conn, b []byte, files []*os.File) error {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("passing descriptors over %s: not a unix socket", conn.RemoteAddr().Network())
	}
	if len(files) > maxFiles {
		return fmt.Errorf("passing %d descriptors: the limit is %d", len(files), maxFiles)
	}
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	n, _, err := unixConn.WriteMsgUnix(b, unix.UnixRights(fds...), nil)
	if err != nil {
		return err
	}
	_, err = unixConn.Write(b[n:])
	return err
}

// rightsReader reads from a connection during the handshake and keeps the
// descriptors that arrive with the bytes.
type rightsReader struct {
	conn  net.Conn
	files []*os.File
	oob   []byte
}

func newRightsReader(conn net.Conn) *rightsReader {
	return &rightsReader{conn: conn, oob: make([]byte, unix.CmsgSpace(4*maxFiles))}
}

func (r *rightsReader) Read(b []byte) (int, error) {
	unixConn, ok := r.conn.(*net.UnixConn)
	if !ok {
		return r.conn.Read(b)
	}
	n, oobn, flags, _, err := unixConn.ReadMsgUnix(b, r.oob)
	if err != nil {
		return n, err
	}
	if oobn > 0 {
		if err := r.keep(r.oob[:oobn]); err != nil {
			return n, err
		}
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return n, fmt.Errorf("more than %d descriptors arrived", maxFiles)
	}
	return n, nil
}

func (r *rightsReader) keep(oob []byte) error {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue // another kind of message
		}
		for _, fd := range fds {
			r.files = append(r.files, os.NewFile(uintptr(fd), "carom-passed"))
		}
	}
	return nil
}
