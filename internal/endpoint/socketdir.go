package endpoint

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	socketDirPrefix = "carom-run-"
	socketName      = "coordinator.sock"
)

// newSocketDir makes the directory for a socket of nobody's choosing. A path that is
// too long for a socket's address falls back to /tmp.
func newSocketDir() (string, error) {
	const longest = 100 // of the 108 bytes of sockaddr_un
	parent := os.TempDir()
	if len(filepath.Join(parent, socketDirPrefix+"0123456789", socketName+".new")) > longest {
		parent = "/tmp"
	}
	removeStaleSocketDirs(parent)
	return os.MkdirTemp(parent, socketDirPrefix)
}

// removeStaleSocketDirs removes what is left where a coordinator, and all who could have
// removed it then, were killed: directories of this user with a socket that nobody
// listens on.
func removeStaleSocketDirs(parent string) {
	dirs, _ := filepath.Glob(filepath.Join(parent, socketDirPrefix+"*"))
	for _, dir := range dirs {
		path := filepath.Join(dir, socketName)
		conn, err := net.DialTimeout("unix", path, time.Second)
		switch {
		case err == nil:
			_ = conn.Close()
		case errors.Is(err, syscall.ECONNREFUSED): // another user's is EACCES
			_ = os.Remove(path)
			_ = os.Remove(dir)
		}
	}
}

// RemoveSocketDir removes the directory of an address that Listen chose. It does nothing for
// any other.
func RemoveSocketDir(addr string) {
	_, path, err := Parse(addr)
	if dir := filepath.Dir(path); err == nil && filepath.Base(path) == socketName &&
		strings.HasPrefix(filepath.Base(dir), socketDirPrefix) {
		_ = os.RemoveAll(dir)
	}
}
