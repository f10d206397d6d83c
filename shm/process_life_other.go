//go:build !linux

package shm

import (
	"errors"
	"os"
)

type life struct{}

func (*life) begin(*slot, uint32) error       { return errors.ErrUnsupported }
func (*life) end()                            {}
func (*life) keep(*slot, uint32) bool         { return false }
func (*life) release(uint32)                  {}
func lockByte(*os.File, uint32) (bool, error) { return false, errors.ErrUnsupported }
func unlockByte(*os.File, uint32) error       { return errors.ErrUnsupported }
func byteLocked(*os.File, uint32) bool        { return false }
