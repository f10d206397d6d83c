package main

import (
	"context"
	"fmt"
	"math"
	"regexp"

	"github.com/carom-ipc/carom/bench/internal/cases"
)

func (p plan) growths(ctx context.Context, filter *regexp.Regexp, all *results) {
	for _, of := range cases.Growths() {
		if !filter.MatchString("Growth/" + of.Title) {
			continue
		}
		g := growth{Title: of.Title, Linear: of.Linear}
		for _, x := range of.At {
			if ctx.Err() != nil {
				return
			}
			g.At = append(g.At, x)
			if err := p.growAt(ctx, of, x, &g); err != nil {
				line := fmt.Sprintf("growth with %s, at %d: FAILED: %v", of.Title, x, err)
				all.Absent = append(all.Absent, line)
				fmt.Println(line)
			}
		}
		g.pad()
		fmt.Println(g)
		all.Growths = append(all.Growths, g)
	}
}

// growAt measures all curves at one number, in turns.
func (p plan) growAt(ctx context.Context, of cases.Growth, x int, g *growth) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m, err := cases.StartManager(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	env := cases.NewEnv(ctx, m)
	defer env.Close()
	curves, err := patiently(func() ([]cases.Curve, error) { return of.Open(env, x) })
	if err != nil {
		cancel()
		return err
	}
	ops := make([]int, len(curves))
	for i, c := range curves {
		if ops[i], err = calibrate(c.Run, false, p.run); err != nil {
			cancel()
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	for range p.times {
		for i, c := range curves {
			r, err := patiently(func() (cases.Result, error) { return c.Run(ops[i]) })
			if err != nil {
				cancel()
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			g.note(c.Name, r.NsPerOp())
		}
	}
	return nil
}

// note adds a figure at the number that is measured now.
func (g *growth) note(name string, ns float64) {
	for i := range g.Curves {
		if g.Curves[i].Name == name {
			g.Curves[i].pad(len(g.At))
			at := &g.Curves[i].Ns[len(g.At)-1]
			*at = append(*at, ns)
			return
		}
	}
	g.Curves = append(g.Curves, curve{Name: name})
	g.note(name, ns)
}

func (g *growth) pad() {
	for i := range g.Curves {
		g.Curves[i].pad(len(g.At))
	}
}

func (c *curve) pad(n int) {
	for len(c.Ns) < n {
		c.Ns = append(c.Ns, nil)
	}
}

func (g growth) law() string {
	if g.Linear {
		return "at most proportional"
	}
	return "at most logarithmic"
}

// grew is how many times the first cost the last one is, and how many times it may be:
// the logarithm's growth, or the number's own where the work is proportional. A single
// one of something has a logarithm of 1 here.
func (g growth) grew(c curve) (times, may float64, ok bool) {
	n := len(g.At) - 1
	if n < 1 || len(c.Ns[0]) == 0 || len(c.Ns[n]) == 0 {
		return 0, 0, false
	}
	times = median(c.Ns[n]) / median(c.Ns[0])
	if g.Linear {
		return times, float64(g.At[n]) / float64(g.At[0]), true
	}
	return times, math.Log2(2*float64(g.At[n])) / math.Log2(2*float64(g.At[0])), true
}

func (g growth) String() string {
	s := "with " + g.Title
	for _, c := range g.Curves {
		s += "\n    " + c.Name + ":"
		for i, x := range g.At {
			s += fmt.Sprintf("  %s %s", number(x), nanos(median(c.Ns[i])))
		}
	}
	return s
}
