//go:build !linux

package carom

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

func socketPair() (a, b *os.File, err error) {
	return nil, nil, fmt.Errorf("processes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func inheritedFile(fd int, name string) *os.File { return os.NewFile(uintptr(fd), name) }
