package cases

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/carom-ipc/carom"
)

// An operation is a second of nothing to do, and what it takes is the CPU time that all
// threads of a process had in it. It begins 10 ms after the last work.
func init() {
	for _, role := range []string{"worker", "coordinator"} {
		Add(Case{Name: "Idle/impl=carom/who=" + role, Own: true, Open: func(e *Env) (Run, error) {
			e, err := e.Apart(carom.Options{Memory: 16 << 20})
			if err != nil {
				return nil, err
			}
			work, err := idler(e)
			if err != nil {
				return nil, err
			}
			pid, err := pidOf(e, role)
			if err != nil {
				return nil, err
			}
			return func(int) (Result, error) {
				if err := work(); err != nil {
					return Result{}, err
				}
				time.Sleep(10 * time.Millisecond)
				before, err := cpuTime(pid)
				if err != nil {
					return Result{}, err
				}
				begin := time.Now()
				time.Sleep(time.Second)
				after, err := cpuTime(pid)
				took := max(after-before, 1)
				return Result{Ops: 1, Elapsed: took, Metrics: map[string]float64{
					"cpu-%": 100 * float64(took) / float64(time.Since(begin))}}, err
			}, nil
		}})
	}
	Roles["idler"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		d, err := carom.OpenDict[string, int](m, p.Object)
		return Locking(1, func(ctx context.Context, n int) error {
			for i := range n {
				if err := d.Set(ctx, "k", i); err != nil {
					return err
				}
			}
			return nil
		}), err
	}
}

// idler is a worker that works now and then, at the coordinator, and waits in between.
func idler(e *Env) (work func() error, err error) {
	d, err := carom.NewDict[string, int](e.M, "")
	if _, err := own(e, d, err); err != nil {
		return nil, err
	}
	run, err := e.Cast(Anywhere(Party{Role: "idler", Object: d.Name()})...)
	return func() error { _, err := run(100); return err }, err
}

func pidOf(e *Env, role string) (int, error) {
	for p, err := range e.M.Processes(e.Ctx) {
		if err != nil {
			return 0, err
		}
		if p.Role == role {
			return p.PID, nil
		}
	}
	return 0, fmt.Errorf("no %s is attached", role)
}

// cpuTime is what the threads of a process had of the CPUs. Those that ended are not
// counted, so it can only grow while none does.
func cpuTime(pid int) (sum time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread ended
		}
		first, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", f, err)
		}
		sum += time.Duration(ns)
	}
	if sum == 0 {
		return 0, fmt.Errorf("%w: schedstat in /proc, or process %d is gone", ErrMissing, pid)
	}
	return sum, nil
}
