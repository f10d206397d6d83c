package endpoint

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// boundNotListening has a socket that accepts nobody take an address.
func boundNotListening(addr string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "bound"), unix.Bind(fd, &unix.SockaddrUnix{Name: strings.TrimPrefix(addr, "unix://")})
}
