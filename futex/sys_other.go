//go:build !linux && !carom_sched

package futex

import (
	"sync/atomic"
	"time"
)

// There is no arena to wait in on this system: package shm refuses to make one.

const wakeEverybody = 1<<31 - 1

type waitv struct{}

var waitvMissing atomic.Bool

func wait(*uint32, uint32)                            {}
func waitBits(*uint32, uint32, uint32, time.Duration) {}
func waitMany([]waitv, time.Duration) bool            { return true }
func wake(*uint32, int) int                           { return 0 }
func waitPrivate(*uint32, uint32)                     {}
func wakePrivate(*uint32)                             {}
func wakeBits(*uint32, uint32)                        {}
func sharedWord(*uint32, uint32) waitv                { return waitv{} }
func privateWord(*uint32, uint32) waitv               { return waitv{} }
