package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// hasTermios asks without f.Fd, which would make f blocking.
func hasTermios(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	is := false
	return conn.Control(func(fd uintptr) {
		_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		is = err == nil
	}) == nil && is
}
