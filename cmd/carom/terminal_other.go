//go:build !linux

package main

import "os"

// hasTermios is a guess where carom has nothing to show the progress of.
func hasTermios(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && !os.SameFile(info, null)
}
