//go:build !linux

package cases

import "time"

var began = time.Now()

func monotonic() int64 { return int64(time.Since(began)) }

func pinProcess(int) error { return nil }

func pinThread(int) error { return nil }
