package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench"
)

// plan says how long each run is, and how many there are of each case.
type plan struct {
	run   time.Duration
	times int
}

// side is one case of a pair, measured.
type side struct {
	Case    string             `json:"case"`
	Bytes   int                `json:"bytes,omitempty"` // an operation
	Ns      []float64          `json:"ns_per_op"`       // of each run
	Metrics map[string]float64 `json:"metrics,omitempty"`

	metrics map[string][]float64
	run     bench.Run
	ops     int
}

// measured is a pair, measured.
type measured struct {
	Ours      *side     `json:"ours"`
	Reference *side     `json:"reference,omitempty"`
	Ratios    []float64 `json:"ratios,omitempty"` // ours by reference, of neighbouring runs
	AtMost    float64   `json:"at_most,omitempty"`
	Nearness  []float64 `json:"nearness_ns"` // before each round
}

func (r measured) ratio() float64 { return median(r.Ratios) }
func (r measured) holds() bool    { return r.AtMost == 0 || r.ratio() <= r.AtMost }

// busyCPU is the nearness beyond which another program was running on one of the CPUs.
const busyCPU = 1500 * time.Nanosecond

// measure alternates the two sides.
func (p plan) measure(ctx context.Context, m *carom.Manager, q pair) (r measured, err error) {
	r.AtMost = q.AtMost
	env := bench.NewEnv(ctx, m)
	defer env.Close()
	sides := []*side{}
	for _, name := range []string{q.Ours, q.Reference} {
		if name == "" {
			continue
		}
		s, err := p.open(env, name)
		if err != nil {
			return r, err
		}
		sides = append(sides, s)
	}
	for range p.times {
		near := bench.Nearness()
		for range 10 { // wait for a quieter moment, not for ever
			if near < busyCPU || ctx.Err() != nil {
				break
			}
			near = bench.Nearness()
		}
		r.Nearness = append(r.Nearness, float64(near.Nanoseconds()))
		for _, s := range sides {
			if err := s.once(ctx); err != nil {
				return r, err
			}
		}
		if len(sides) == 2 {
			r.Ratios = append(r.Ratios, last(sides[0].Ns)/last(sides[1].Ns))
		}
	}
	for _, s := range sides {
		for unit, v := range s.metrics {
			s.Metrics[unit] = median(v)
		}
	}
	r.Ours = sides[0]
	if len(sides) == 2 {
		r.Reference = sides[1]
	}
	return r, nil
}

// open makes a case ready and finds out how many operations fill a run.
func (p plan) open(env *bench.Env, name string) (*side, error) {
	c, err := bench.Find(name)
	if err != nil {
		return nil, err
	}
	run, err := c.Open(env)
	if err != nil {
		return nil, err
	}
	s := &side{Case: name, Bytes: c.Bytes, run: run, ops: 1, Metrics: map[string]float64{}, metrics: map[string][]float64{}}
	for {
		r, err := run(s.ops)
		if err != nil {
			return nil, err
		}
		if r.Elapsed >= p.run/2 || s.ops >= 1e9 {
			return s, nil
		}
		s.ops = int(float64(s.ops) * min(100, max(1.2, 0.8*float64(p.run)/float64(max(r.Elapsed, 1)))))
		s.ops = max(s.ops, r.Ops+1)
	}
}

func (s *side) once(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r, err := s.run(s.ops)
	if err != nil {
		return err
	}
	s.Ns = append(s.Ns, r.NsPerOp())
	for unit, v := range r.Metrics {
		s.metrics[unit] = append(s.metrics[unit], v)
	}
	return nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func last[T any](v []T) T { return v[len(v)-1] }

func spread[T cmp.Ordered](v []T) (least, most T) { return slices.Min(v), slices.Max(v) }

// String is the pair in one line.
func (r measured) String() string {
	var b strings.Builder
	b.WriteString(r.Ours.String())
	if r.Reference != nil {
		least, most := spread(r.Ratios)
		fmt.Fprintf(&b, "  |  %v  |  ratio %.3g (%.3g…%.3g)", r.Reference, r.ratio(), least, most)
		if r.AtMost != 0 {
			fmt.Fprintf(&b, ", at most %.3g: %s", r.AtMost, verdict(r.holds()))
		}
	}
	fmt.Fprintf(&b, "  |  nearness %.0f ns", median(r.Nearness))
	return b.String()
}

func verdict(holds bool) string {
	if holds {
		return "holds"
	}
	return "MISSED"
}

func (s *side) String() string {
	least, most := spread(s.Ns)
	return fmt.Sprintf("%s %s (%s…%s)%s", s.Case, nanos(median(s.Ns)), nanos(least), nanos(most), s.further())
}

// further are the figures beside the time.
func (s *side) further() string {
	var b strings.Builder
	for _, unit := range []string{"p50-ns", "p99-ns", "p99.9-ns", "least/mean", "arena-B/op", "allocs/op"} {
		v, ok := s.Metrics[unit]
		switch name, isTime := strings.CutSuffix(unit, "-ns"); {
		case !ok:
		case isTime:
			fmt.Fprintf(&b, ", %s %s", name, nanos(v))
		default:
			fmt.Fprintf(&b, ", %.3g %s", v, unit)
		}
	}
	return b.String()
}

func nanos(ns float64) string {
	switch {
	case ns >= 1e6:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	case ns >= 1e4:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	}
	return fmt.Sprintf("%.3g ns", ns)
}
