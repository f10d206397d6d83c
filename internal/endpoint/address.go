package endpoint

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/carom-ipc/carom/internal/errs"
)

// Parse splits "unix:///path", "tcp://host:port" or "tls://host:port" into what
// coord.Dial wants.
func Parse(addr string) (network, address string, err error) {
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
		return fmt.Errorf("address tcp://%s: plaintext is for loopback only, use tls://: %w", hostport, errs.ErrAuth)
	}
	return nil
}
