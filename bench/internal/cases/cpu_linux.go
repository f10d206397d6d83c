package cases

import (
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// monotonic is nanoseconds of a clock that all processes of the machine share.
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return t.Nano()
}

// pinProcess keeps all threads of this process, and those to come, on one CPU.
func pinProcess(cpu int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	set := cpuSet(cpu)
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
				return err
			}
		}
	}
	return nil
}

// pinThread keeps the calling goroutine on one CPU, and its thread from ever running
// another goroutine.
func pinThread(cpu int) error {
	runtime.LockOSThread()
	set := cpuSet(cpu)
	return unix.SchedSetaffinity(0, &set)
}

func cpuSet(cpu int) (set unix.CPUSet) {
	set.Set(cpu % runtime.NumCPU())
	return set
}
