package budget

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// shortages are the limits behind errors that name none.
var shortages = []struct {
	err   unix.Errno
	limit int // RLIMIT_…
	name  string
	way   string
}{
	{unix.EFBIG, unix.RLIMIT_FSIZE, "file sizes (RLIMIT_FSIZE, ulimit -f)",
		"the arena is a sparse file in memory of 64 GiB or more; raise it, or use a coordinator that runs elsewhere, with Options.Remote"},
	{unix.EMFILE, unix.RLIMIT_NOFILE, "descriptors (RLIMIT_NOFILE, ulimit -n)", "raise it, or close some"},
	{unix.EAGAIN, unix.RLIMIT_NPROC, "processes (RLIMIT_NPROC, ulimit -u, or the cgroup's pids.max)", "raise it, or end some"},
	{unix.ENOMEM, unix.RLIMIT_AS, "address space (RLIMIT_AS, ulimit -v)",
		"an arena takes 64 GiB or more of that, not of memory; raise it, or use Options.Remote"},
}

// Explain adds to an error of the system which limit of this process is behind it, and the
// way out.
func Explain(err error) error {
	if err == nil {
		return nil
	}
	for _, s := range shortages {
		var r unix.Rlimit
		if !errors.Is(err, s.err) || unix.Prlimit(0, s.limit, nil, &r) != nil {
			continue
		}
		limit := fmt.Sprint(r.Cur)
		if r.Cur == unix.RLIM_INFINITY {
			if s.err != unix.EAGAIN {
				continue // then it is something else
			}
			limit = "none here"
		}
		return fmt.Errorf("%w: the limit of %s is %s: %s", err, s.name, limit, s.way)
	}
	if errors.Is(err, unix.ENOENT) && strings.Contains(err.Error(), "/proc/") {
		if _, perr := os.Stat("/proc/self/fd"); perr != nil {
			return fmt.Errorf("%w: mapping the memory takes /proc: mount it, or use a coordinator that runs elsewhere, with Options.Remote", err)
		}
	}
	return err
}

// Sparse runs f without the soft limit of file sizes, as far as this process may lift it: an
// arena is a file in memory whose size is mostly address space.
func Sparse(f func() error) error {
	var old unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_FSIZE, nil, &old); err != nil || old.Cur == unix.RLIM_INFINITY {
		return f()
	}
	all := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY} // for who has CAP_SYS_RESOURCE
	if unix.Prlimit(0, unix.RLIMIT_FSIZE, &all, nil) != nil {
		soft := unix.Rlimit{Cur: old.Max, Max: old.Max}
		if unix.Prlimit(0, unix.RLIMIT_FSIZE, &soft, nil) != nil {
			return f()
		}
	}
	defer func() { _ = unix.Prlimit(0, unix.RLIMIT_FSIZE, &old, nil) }()
	return f()
}
