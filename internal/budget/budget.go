// Package budget finds out how much memory an arena may have where nobody says, and which of
// the system's limits is behind an error.
//
// Package carom and internal/spawn import it.
package budget

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Default is a quarter of what the machine or this process's cgroups allow, in
// bytes.
func Default() int64 { return quarter(machineMemory(), cgroupLimits()) }

// quarter is a quarter of the least limit: the machine's, or one in a file. The rest is for
// the processes themselves, so there is no least result: an arena that does not fit would
// have the kernel kill them.
func quarter(machine int64, files []string) int64 {
	limit := machine
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
			limit = min(limit, n)
		}
	}
	return limit / 4
}

// machineMemory is MemTotal, or 1 GiB where there is no such figure.
func machineMemory() int64 {
	b, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
			if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil && kib < math.MaxInt64>>10 {
				return kib << 10
			}
		}
	}
	return 1 << 30
}

// cgroupLimits are the files that may hold a limit: of this process's group and all
// above it, in either version of the hierarchy.
func cgroupLimits() (files []string) {
	b, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root, name := "/sys/fs/cgroup", "memory.max"
		if parts[0] != "0" {
			if !strings.Contains(","+parts[1]+",", ",memory,") {
				continue
			}
			root, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for dir := parts[2]; ; dir = filepath.Dir(dir) {
			files = append(files, filepath.Join(root, dir, name))
			if dir == "/" || dir == "." {
				break
			}
		}
	}
	return files
}
