package carom

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// parseAddr splits "unix:///path", "tcp://host:port" or "tls://host:port" into what
// coord.Dial wants.
func parseAddr(addr string) (network, address string, err error) {
	scheme, rest, ok := strings.Cut(addr, "://")
	switch {
	case !ok || rest == "":
		return "", "", fmt.Errorf("address %q: want unix:///path, tcp://host:port or tls://host:port", addr)
	case scheme == "unix":
		return "unix", rest, nil
	case scheme == "tcp":
		if err := loopback(rest); err != nil {
			return "", "", err
		}
		return "tcp", rest, nil
	case scheme == "tls":
		if _, _, err := net.SplitHostPort(rest); err != nil {
			return "", "", fmt.Errorf("address %s: %w", addr, err)
		}
		return "tls", rest, nil
	}
	return "", "", fmt.Errorf("address %q: scheme %q: %w", addr, scheme, errors.ErrUnsupported)
}

// loopback refuses plaintext on any address that leaves the machine.
func loopback(hostport string) error {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return fmt.Errorf("address tcp://%s: %w", hostport, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address tcp://%s: plaintext is for loopback only, use tls://: %w", hostport, ErrAuth)
	}
	return nil
}

const socketDirPrefix = "carom-run-"

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

// removeSocketDir removes the directory of an address that newSocketDir made.
func removeSocketDir(addr string) {
	_, path, err := parseAddr(addr)
	if dir := filepath.Dir(path); err == nil && filepath.Base(path) == socketName &&
		strings.HasPrefix(filepath.Base(dir), socketDirPrefix) {
		_ = os.RemoveAll(dir)
	}
}

const socketName = "coordinator.sock"
