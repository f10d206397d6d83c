//go:build !linux

package spawn

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

func SocketPair() (a, b *os.File, err error) {
	return nil, nil, fmt.Errorf("processes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func inherit(fd int, name string) *os.File { return os.NewFile(uintptr(fd), name) }
