package endpoint

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// Listen opens the socket, and returns its address; "" is one in a directory of its own. A
// unix socket that nobody listens on any more makes way. conf is for tls. Errors: ErrExists
// where somebody listens already; ErrAuth for plaintext beyond loopback, and for tls
// without a certificate; the system's.
func Listen(addr string, conf *tls.Config) (net.Listener, string, error) {
	if addr == "" {
		return listenAnywhere()
	}
	network, address, err := Parse(addr)
	if err != nil {
		return nil, "", err
	}
	if network == "unix" {
		if conn, derr := net.DialTimeout(network, address, time.Second); derr == nil {
			_ = conn.Close()
			return nil, "", fmt.Errorf("%s: somebody listens there: %w", addr, errs.ErrExists)
		} else if errors.Is(derr, syscall.ECONNREFUSED) {
			if fi, err := os.Lstat(address); err == nil && fi.Mode().Type() == os.ModeSocket {
				_ = os.Remove(address)
			}
		}
	}
	if network == "tls" {
		return listenTLS(address, conf)
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, "", err
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o600); err != nil {
			_ = l.Close()
			return nil, "", err
		}
		return l, addr, nil
	}
	return l, network + "://" + l.Addr().String(), nil
}

// listenAnywhere opens a socket in a directory of its own. It gets its name when it is
// being listened on: one that is not is taken for left over, by removeStaleSocketDirs.
func listenAnywhere() (net.Listener, string, error) {
	dir, err := newSocketDir()
	if err != nil {
		return nil, "", err
	}
	path := filepath.Join(dir, socketName)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + ".new", Net: "unix"})
	if err == nil {
		l.SetUnlinkOnClose(false) // the directory goes as a whole
		if err = os.Chmod(path+".new", 0o600); err == nil {
			err = os.Rename(path+".new", path)
		}
		if err != nil {
			_ = l.Close()
		}
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, "", err
	}
	return l, "unix://" + path, nil
}

// listenTLS is for other machines: TLS 1.3 and a certificate.
func listenTLS(address string, conf *tls.Config) (net.Listener, string, error) {
	if conf == nil || len(conf.Certificates) == 0 && conf.GetCertificate == nil && conf.GetConfigForClient == nil {
		return nil, "", fmt.Errorf("tls://%s: a certificate is required: %w", address, errs.ErrAuth)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", err
	}
	return tls.NewListener(l, coord.SecureTLS(conf.Clone())), "tls://" + l.Addr().String(), nil
}
