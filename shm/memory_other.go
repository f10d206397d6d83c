//go:build !linux

package shm

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

func newMemory(uint64) (*os.File, error) {
	return nil, fmt.Errorf("shared memory on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func reopen(*os.File) (*os.File, uint64, error) { _, err := newMemory(0); return nil, 0, err }

func mapMemory(*os.File, uint64) ([]byte, error) { _, err := newMemory(0); return nil, err }

func unmap([]byte)                   {}
func retire([]byte)                  {}
func (a *Arena) discard(_, _ uint64) {}
