package endpoint

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"

	"github.com/carom-ipc/carom/internal/errs"
)

// longestPath is what the kernel takes as a unix socket's address: sockaddr_un has 108 bytes,
// of which one is the zero at the end of a path, or before an abstract name.
const longestPath = 107

// Parse splits "unix:///path", "unix://@name", "tcp://host:port" or "tls://host:port" into
// what coord.Dial wants. A name after @ is in Linux's abstract namespace: no file stands for
// it, and it is free again when the process that listens is gone.
func Parse(addr string) (network, address string, err error) {
	scheme, rest, ok := strings.Cut(addr, "://")
	switch {
	case !ok || rest == "":
		return "", "", fmt.Errorf("address %q: want unix:///path, unix://@name, tcp://host:port or tls://host:port", addr)
	case scheme == "unix":
		if err := unixAddress(rest); err != nil {
			return "", "", fmt.Errorf("address %q: %w", addr, err)
		}
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

// unixAddress refuses what the kernel would call an invalid argument, or take for something
// else.
func unixAddress(path string) error {
	switch {
	case path == "@":
		return errors.New("want a name after @")
	case path[0] == '@' && runtime.GOOS != "linux":
		return fmt.Errorf("abstract sockets on %s: %w", runtime.GOOS, errors.ErrUnsupported)
	case len(strings.TrimPrefix(path, "@")) > longestPath:
		return fmt.Errorf("a unix socket's path has at most %d bytes: %w", longestPath, errs.ErrTooLarge)
	}
	return nil
}
