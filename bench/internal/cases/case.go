package cases

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Case is one measurement.
type Case struct {
	Name  string // "Lock/impl=carom/procs=1"
	Bytes int    // that one operation moves; 0: not meaningful
	Long  bool   // fairness and the like need more than a moment to show
	Own   bool   // it decides itself how much to do in a run, whatever it is told
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

// Add makes cases known.
func Add(c ...Case) { cases = append(cases, c...) }

// All lists what there is to measure.
func All() []Case { return cases }

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

// Kind is the name without sizes and numbers of processes: what is done, and by whom.
func (c Case) Kind() string {
	parts := strings.Split(c.Name, "/")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool {
		key, _, _ := strings.Cut(part, "=")
		return slices.Contains([]string{"procs", "producers", "size", "clients", "goroutines", "cpus"}, key)
	}), "/")
}

// SizeName is a number of bytes as names of cases have it.
func SizeName(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%dMiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return fmt.Sprintf("%dB", n)
}
