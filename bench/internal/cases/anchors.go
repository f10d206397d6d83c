package cases

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Anchors are native programs, in C and C++, that measure the same things on the same
// machine. They are not part of this repository. AddAnchors builds them from a directory
// and makes cases of their figures.

// anchorRun is how long an anchor measures.
const anchorRun = 100 * time.Millisecond

// anchor is a figure of one of the programs.
type anchor struct {
	program, figure string
	bytes           int
}

var anchors = map[string]anchor{
	"ValueAdd/impl=native":                                  {"limits", "atomic_fetch_add", 0},
	"ValueCAS/impl=native":                                  {"limits", "atomic_cas", 0},
	"ValueAdd/impl=native/procs=2":                          {"limits", "contended_fetch_add_2p", 0},
	"Lock/impl=pthread/procs=1":                             {"limits", "pthread_mutex_pshared", 0},
	"Lock/impl=pthread-robust/procs=1":                      {"limits", "pthread_mutex_robust", 0},
	"Lock/impl=pthread/procs=2/goroutines=1":                {"limits", "contended_pthread_mutex_2p", 0},
	"Lock/impl=pthread-robust/procs=2/goroutines=1":         {"limits", "contended_pthread_robust_2p", 0},
	"Semaphore/impl=pthread":                                {"limits", "sem_post_wait", 0},
	"RoundTrip/impl=cacheline-native/procs=2":               {"limits", "rtt_line_two", 0},
	"RoundTrip/impl=futex-native/procs=2":                   {"limits", "rtt_futex_block", 0},
	"RoundTrip/impl=futex-native/procs=2/cpus=1":            {"limits", "rtt_futex_block_1cpu", 0},
	"RoundTrip/impl=socketpair-native/procs=2":              {"limits", "rtt_socketpair", 0},
	"SemaphoreRoundTrip/impl=pthread/procs=2":               {"limits", "rtt_sem", 0},
	"ConditionRoundTrip/impl=pthread/procs=2":               {"limits", "rtt_cond", 0},
	"BarrierRound/impl=pthread/procs=2":                     {"limits", "barrier_pthread_2p", 0},
	"ArrayCopy/impl=native/size=64KiB":                      {"limits", "memcpy_64KiB", 64 << 10},
	"ArrayCopy/impl=native/size=1MiB":                       {"limits", "memcpy_1MiB", 1 << 20},
	"Queue/impl=two-lock-ring/procs=2/size=64B":             {"limits", "lring_1p1c_64B", 64},
	"Queue/impl=two-lock-ring/procs=2/size=1KiB":            {"limits", "lring_1p1c_1KiB", 1 << 10},
	"Queue/impl=two-lock-ring/procs=4/producers=2/size=64B": {"limits", "lring_2p2c_64B", 64},
	"Queue/impl=spsc/procs=2/size=64B":                      {"limits", "spsc_64B", 64},
	"Queue/impl=spsc/procs=2/size=64KiB":                    {"limits", "spsc_64KiB", 64 << 10},
	"Queue/impl=spsc/procs=2/size=1MiB":                     {"limits", "spsc_1MiB", 1 << 20},
	"Queue/impl=boost/procs=2/size=64B":                     {"boost_mq", "boost_mq_64B", 64},
	"QueueRoundTrip/impl=boost/procs=2/size=64B":            {"boost_mq", "rtt_boost_mq_64B", 64},
}

// IsAnchor reports whether a case is a figure of the anchors.
func IsAnchor(name string) bool { _, ok := anchors[name]; return ok }

// AddAnchors builds the anchors of dir into another directory. The error says what could
// not be built; the cases of the rest are there.
func AddAnchors(ctx context.Context, dir, into string) (err error) {
	for _, c := range []struct {
		program string
		line    []string
	}{
		{"limits", []string{"cc", "-O2", "-std=gnu11", filepath.Join(dir, "limits.c"), "-lpthread", "-lrt"}},
		{"boost_mq", []string{"c++", "-O2", "-std=c++17", filepath.Join(dir, "boost_mq.cc"), "-lpthread", "-lrt"}},
	} {
		path := filepath.Join(into, c.program)
		out, failed := exec.CommandContext(ctx, c.line[0], append(c.line[1:], "-o", path)...).CombinedOutput()
		if failed != nil {
			first, _, _ := strings.Cut(string(out), "\n")
			err = errors.Join(err, fmt.Errorf("%s: %w: %s", c.program, failed, first))
			continue
		}
		for name, a := range anchors {
			if a.program == c.program {
				Add(Case{Name: name, Bytes: a.bytes, Own: true, Open: func(e *Env) (Run, error) {
					return func(int) (Result, error) { return a.run(e.Ctx, path) }, nil
				}})
			}
		}
	}
	return err
}

// run has the program measure once. It prints lines of a name, a figure and its unit.
func (a anchor) run(ctx context.Context, path string) (Result, error) {
	cmd := exec.CommandContext(ctx, path, a.figure)
	cmd.Env = append(os.Environ(), "LIMITS_REPS=1", "LIMITS_ANYWAY=1", fmt.Sprintf("LIMITS_SECS=%g", anchorRun.Seconds()))
	out, err := cmd.Output()
	if err != nil {
		return Result{}, fmt.Errorf("%s %s: %w", a.program, a.figure, err)
	}
	const ops = 1e6
	r := Result{Ops: ops, Metrics: map[string]float64{}}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		v, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			return r, fmt.Errorf("%s: %w", a.program, err)
		}
		ns, err := a.nanos(v, f[2])
		if err != nil {
			return r, err
		}
		switch f[0] {
		case a.figure:
			r.Elapsed = time.Duration(ns * ops)
		case a.figure + "_p50":
			r.Metrics["p50-ns"] = ns
		case a.figure + "_p99":
			r.Metrics["p99-ns"] = ns
		}
	}
	if r.Elapsed == 0 {
		return r, fmt.Errorf("%s has no figure called %s", a.program, a.figure)
	}
	return r, nil
}

// nanos is a figure as nanoseconds an operation.
func (a anchor) nanos(v float64, unit string) (float64, error) {
	switch unit {
	case "ns":
		return v, nil
	case "us", "us/round":
		return 1e3 * v, nil
	case "Mops/s", "Mmsg/s":
		return 1e3 / v, nil
	case "GB/s":
		return float64(a.bytes) / v, nil
	}
	return 0, fmt.Errorf("%s: %s in %s", a.program, a.figure, unit)
}
