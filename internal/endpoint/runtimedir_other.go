//go:build !linux

package endpoint

import "time"

// runtimeDir is "": managers are for Linux.
func runtimeDir() string { return "" }

func removeIfDead(string, time.Duration) {}
