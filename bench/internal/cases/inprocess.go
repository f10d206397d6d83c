package cases

import (
	"runtime"
	"sync"
	"time"
)

// InProcess is a case whose operations all happen in this process: loop does n.
func InProcess(name string, bytes int, open func(*Env) (loop func(n int) error, err error)) Case {
	return Case{Name: name, Bytes: bytes, Open: func(e *Env) (Run, error) {
		loop, err := open(e)
		return timed(loop), err
	}}
}

// timed measures a loop of n operations.
func timed(loop func(n int) error) Run {
	return func(n int) (Result, error) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		err := loop(n)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		return Result{Ops: n, Elapsed: took, Metrics: map[string]float64{
			"allocs/op": allocsPerOp(after.Mallocs-before.Mallocs, n)}}, err
	}
}

// allocsPerOp leaves out what the measurement itself allocates.
func allocsPerOp(mallocs uint64, n int) float64 {
	if mallocs < 100 && n > 100 {
		return 0
	}
	return float64(mallocs) / float64(n)
}

// Spread divides n operations among goroutines.
func Spread(goroutines, n int, f func(n int) error) error {
	if goroutines <= 1 {
		return f(n)
	}
	errs := make(chan error, goroutines)
	var all sync.WaitGroup
	for i := range goroutines {
		all.Go(func() { errs <- f((n + i) / goroutines) })
	}
	all.Wait()
	for range goroutines {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}
