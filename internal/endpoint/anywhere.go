package endpoint

import (
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	socketPrefix = "carom-"
	socketSuffix = ".sock"
)

// listenAnywhere opens a unix socket where nobody chose: in the user's runtime directory,
// which no other user can enter, or else under an abstract name. Neither needs a file system
// that can be written, and of the second nothing can be left, whoever is killed.
func listenAnywhere() (net.Listener, string, error) {
	name := socketPrefix + rand.Text()
	if dir := runtimeDir(); dir != "" {
		removeStale(dir)
		path := filepath.Join(dir, name+socketSuffix)
		if l, err := listenUnix(path); err == nil {
			return l, "unix://" + path, nil
		}
	}
	l, err := listenUnix("@" + name)
	return l, "unix://@" + name, err
}

// staleAge is how old a socket is at least that counts as left over. A younger one may be
// bound and not yet listened on, which looks the same.
const staleAge = 10 * time.Second

// removeStale removes the sockets of coordinators that were killed together with all the
// processes that would have removed them.
func removeStale(dir string) {
	sockets, _ := filepath.Glob(filepath.Join(dir, socketPrefix+"*"+socketSuffix))
	for _, path := range sockets {
		if fi, err := os.Lstat(path); err != nil || fi.Mode().Type() != os.ModeSocket || time.Since(fi.ModTime()) < staleAge {
			continue
		}
		removeIfDead(path, 0)
	}
}

// RemoveSocket removes the socket at an address that Listen chose, if its listener dies within
// patience. It does nothing for any other address.
func RemoveSocket(addr string, patience time.Duration) {
	network, path, err := Parse(addr)
	if err != nil || network != "unix" || isAbstract(path) {
		return
	}
	name := filepath.Base(path)
	if strings.HasPrefix(name, socketPrefix) && strings.HasSuffix(name, socketSuffix) && filepath.Dir(path) == runtimeDir() {
		removeIfDead(path, patience)
	}
}
