package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench/internal/cases"
)

// plan says how long each run is, and how many there are of each case.
type plan struct {
	run   time.Duration
	times int
}

// patience is for a single run or for a case to open. A peer that takes longer is stuck.
const patience = 30 * time.Second

// busyCPU is the nearness beyond which another program was running on one of the CPUs.
const busyCPU = 1500 * time.Nanosecond

// errAbsent is for the cases of programs that are not there; that was said before.
var errAbsent = errors.New("absent")

var errStuck = fmt.Errorf("stuck: no answer in %v", patience)

// open makes a case ready, in an environment of its own, and finds out how many operations
// fill a run.
func (p plan) open(ctx context.Context, m *carom.Manager, name string) (*side, error) {
	c, err := cases.Find(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAbsent, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	env := cases.NewEnv(ctx, m)
	s := &side{Case: name, Bytes: c.Bytes, Metrics: map[string]float64{}, metrics: map[string][]float64{}}
	s.close = func() { env.Close(); cancel() }
	s.abort = cancel
	run, err := patiently(func() (cases.Run, error) { return c.Open(env) })
	if err != nil {
		s.stop(err)
		return nil, err
	}
	s.run = run
	long := p.run
	if c.Long {
		long *= 4
	}
	if s.ops, err = calibrate(run, c.Own, long); err != nil {
		s.stop(err)
		return nil, err
	}
	return s, nil
}

// calibrate is how many operations fill a run.
func calibrate(run cases.Run, own bool, long time.Duration) (ops int, err error) {
	for ops = 1; !own; {
		r, err := patiently(func() (cases.Result, error) { return run(ops) })
		if err != nil {
			return 0, err
		}
		if r.Elapsed >= long/2 || ops >= 1e9 {
			break
		}
		next := int(float64(ops) * min(100, max(1.2, 0.8*float64(long)/float64(max(r.Elapsed, 1)))))
		ops = max(next, ops+1)
	}
	return ops, nil
}

// patiently runs f, or gives up on it.
func patiently[T any](f func() (T, error)) (T, error) {
	type outcome struct {
		t   T
		err error
	}
	done := make(chan outcome, 1)
	go func() { t, err := f(); done <- outcome{t, err} }()
	select {
	case o := <-done:
		return o.t, o.err
	case <-time.After(patience):
		var zero T
		return zero, errStuck
	}
}

// stop closes a side. One that is stuck is cut off first.
func (s *side) stop(err error) {
	if errors.Is(err, errStuck) {
		s.abort()
	}
	s.close()
}

func (s *side) once() error {
	r, err := patiently(func() (cases.Result, error) { return s.run(s.ops) })
	if err != nil {
		return err
	}
	s.Ns = append(s.Ns, r.NsPerOp())
	for unit, v := range r.Metrics {
		s.metrics[unit] = append(s.metrics[unit], v)
		s.Metrics[unit] = median(s.metrics[unit])
	}
	return nil
}

// nearness waits for a quieter moment, not for ever.
func nearness(ctx context.Context) float64 {
	near := cases.Nearness()
	for range 10 {
		if near < busyCPU || ctx.Err() != nil {
			break
		}
		near = cases.Nearness()
	}
	return float64(near.Nanoseconds())
}
