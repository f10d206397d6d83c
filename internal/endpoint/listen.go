package endpoint

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// Listen opens the socket, and returns its address; "" chooses one, see listenAnywhere. A
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
	switch network {
	case "unix":
		l, err := listenUnix(address)
		return l, addr, err
	case "tls":
		return listenTLS(address, conf)
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, "", err
	}
	return l, network + "://" + l.Addr().String(), nil
}

func listenUnix(address string) (net.Listener, error) {
	if conn, err := net.DialTimeout("unix", address, time.Second); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("unix://%s: somebody listens there: %w", address, errs.ErrExists)
	} else if errors.Is(err, syscall.ECONNREFUSED) && !isAbstract(address) {
		if fi, err := os.Lstat(address); err == nil && fi.Mode().Type() == os.ModeSocket {
			_ = os.Remove(address)
		}
	}
	l, err := net.Listen("unix", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && isAbstract(address): // by a socket that accepts nobody
		return nil, fmt.Errorf("unix://%s: the name is taken: %w", address, errs.ErrExists)
	case err != nil:
		return nil, err
	case isAbstract(address): // it has no mode: who may connect is for the server to judge
		return l, nil
	}
	if err := os.Chmod(address, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

func isAbstract(address string) bool { return address[0] == '@' }

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
