package endpoint

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// runtimeDir is XDG_RUNTIME_DIR, "" where it does not serve: it must be a directory that
// belongs to this user, and that no other user can enter; and short enough.
func runtimeDir() string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	const name = len(socketPrefix) + 26 + len(socketSuffix) // rand.Text has 26 bytes
	if !filepath.IsAbs(dir) || len(filepath.Clean(dir))+1+name > longestPath {
		return ""
	}
	fi, err := os.Stat(dir)
	if err != nil || !fi.IsDir() || fi.Mode().Perm()&0o077 != 0 {
		return ""
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
		return ""
	}
	return filepath.Clean(dir)
}

// removeIfDead removes a socket whose listener is dead, or dies within patience: a connection
// ends with it, and says nothing before that, as it is not its turn.
func removeIfDead(path string, patience time.Duration) {
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, rerr := conn.Read(make([]byte, 1))
		_ = conn.Close()
		if errors.Is(rerr, os.ErrDeadlineExceeded) {
			return
		}
		conn, err = net.DialTimeout("unix", path, time.Second)
	}
	switch {
	case err == nil:
		_ = conn.Close()
	case errors.Is(err, syscall.ECONNREFUSED):
		_ = os.Remove(path)
	}
}
