package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/carom-ipc/carom"
)

// Case is one measurement.
type Case struct {
	Name  string // "Lock/impl=carom/procs=1"
	Bytes int    // that one operation moves; 0: not meaningful
	Open  func(*Env) (Run, error)
}

// Run does n operations or a few more.
type Run func(n int) (Result, error)

// Result is what n operations took.
type Result struct {
	Ops     int
	Elapsed time.Duration
	Metrics map[string]float64 // further figures by unit, "p99-ns"
}

// NsPerOp is nanoseconds an operation.
func (r Result) NsPerOp() float64 { return float64(r.Elapsed.Nanoseconds()) / float64(r.Ops) }

// ErrMissing is what Open answers where a program that the case needs is not installed.
var ErrMissing = errors.New("not installed")

var cases []Case

func add(c ...Case) { cases = append(cases, c...) }

// Cases lists what there is to measure.
func Cases() []Case { return cases }

// Find returns the case of that name.
func Find(name string) (Case, error) {
	for _, c := range cases {
		if c.Name == name {
			return c, nil
		}
	}
	return Case{}, fmt.Errorf("no case called %q", name)
}

// Family is the part of the name before the first slash.
func (c Case) Family() string { return strings.SplitN(c.Name, "/", 2)[0] }

// Env is what a case works in, from its Open to Close.
type Env struct {
	M   *carom.Manager
	ctx context.Context

	dir     string
	closers []func()
}

// NewEnv makes an environment over a manager.
func NewEnv(ctx context.Context, m *carom.Manager) *Env { return &Env{M: m, ctx: ctx} }

// StartManager starts a manager with as much memory as the cases need.
func StartManager(ctx context.Context) (*carom.Manager, error) {
	return carom.Start(ctx, &carom.Options{Memory: 512 << 20})
}

// Close undoes what the case did, last things first.
func (e *Env) Close() {
	for i := len(e.closers) - 1; i >= 0; i-- {
		e.closers[i]()
	}
	e.closers = nil
}

func (e *Env) onClose(f func()) { e.closers = append(e.closers, f) }

// path is a file name in a directory that goes with the environment.
func (e *Env) path(name string) (string, error) {
	if e.dir == "" {
		dir, err := os.MkdirTemp("", "carom-bench-")
		if err != nil {
			return "", err
		}
		e.dir = dir
		e.onClose(func() { _ = os.RemoveAll(dir); e.dir = "" })
	}
	return filepath.Join(e.dir, name), nil
}

type object interface {
	Name() string
	Close() error
}

// own removes an object with the environment.
func own[O object](e *Env, o O, err error) (O, error) {
	if err == nil {
		e.onClose(func() {
			name := o.Name()
			_ = o.Close()
			_ = e.M.Remove(context.Background(), name)
		})
	}
	return o, err
}

// inProcess is a case whose operations all happen in this process: loop does n.
func inProcess(name string, bytes int, open func(*Env) (loop func(n int) error, err error)) Case {
	return Case{Name: name, Bytes: bytes, Open: func(e *Env) (Run, error) {
		loop, err := open(e)
		if err != nil {
			return nil, err
		}
		return func(n int) (Result, error) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			err := loop(n)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			return Result{Ops: n, Elapsed: took, Metrics: map[string]float64{
				"allocs/op": allocsPerOp(after.Mallocs-before.Mallocs, n)}}, err
		}, nil
	}}
}

// allocsPerOp leaves out what the measurement itself allocates.
func allocsPerOp(mallocs uint64, n int) float64 {
	if mallocs < 100 && n > 100 {
		return 0
	}
	return float64(mallocs) / float64(n)
}

func sizeName(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%dMiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return fmt.Sprintf("%dB", n)
}
