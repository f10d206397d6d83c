package main

import "fmt"

// check looks one thing up in the results. ok is false where it was not measured.
type check struct {
	what  string // "ValueAdd/impl=carom by ValueAdd/impl=atomic"
	asked string // "≤ 1.1"
	look  func(*results) (measured string, holds, ok bool)
}

// asked is the answer to a check.
type asked struct {
	Work     string `json:"work"`
	What     string `json:"what"`
	Asked    string `json:"asked"`
	Measured string `json:"measured"`
	Verdict  string `json:"verdict"`
}

// Verdicts.
const (
	held        = "holds"
	missed      = "MISSED"
	notMeasured = "not measured"
)

func (r *results) ask() {
	for _, l := range lines {
		for _, c := range l.checks {
			a := asked{l.work, c.what, c.asked, "", notMeasured}
			if text, holds, ok := c.look(r); ok {
				a.Measured, a.Verdict = text, missed
				if holds {
					a.Verdict = held
				}
			}
			r.Asked = append(r.Asked, a)
		}
	}
	for _, g := range r.Growths {
		for _, c := range g.Curves {
			r.Asked = append(r.Asked, g.ask(c))
		}
	}
}

// ask is whether a cost grows no faster than it may.
func (g growth) ask(c curve) asked {
	a := asked{"growth, " + g.law(), c.Name + ", with " + g.Title, "", "", notMeasured}
	if times, may, ok := g.grew(c); ok {
		a.Asked, a.Measured, a.Verdict = fmt.Sprintf("≤ %.3g times", may), fmt.Sprintf("%.3g times", times), missed
		if times <= may {
			a.Verdict = held
		}
	}
	return a
}

func (a asked) String() string {
	return fmt.Sprintf("%s: %s %s: %s %s", a.Work, a.What, a.Asked, a.Measured, a.Verdict)
}

// ratio asks that ours takes at most so many times as long as the reference, by the median
// of neighbouring runs.
func ratio(ours, reference string, most float64) check {
	return check{ours + " by " + reference, fmt.Sprintf("≤ %.3g", most), func(r *results) (string, bool, bool) {
		_, s := r.together(ours, reference)
		if s == nil {
			return "", false, false
		}
		return ratioCell(s.Ratios), median(s.Ratios) <= most, true
	}}
}

// faster asks for so many times the throughput of the reference.
func faster(ours, reference string, times float64) check {
	c := ratio(ours, reference, 1/times)
	c.asked = fmt.Sprintf("≤ 1/%.3g", times)
	return c
}

// figureOf is a metric of a case, or its time.
func (s *side) figureOf(unit string) (float64, bool) {
	if unit == "ns/op" {
		return median(s.Ns), true
	}
	v, ok := s.Metrics[unit]
	return v, ok
}

func bound(name, unit, sign string, limit float64, holds func(v float64) bool) check {
	asked := fmt.Sprintf("%s %.3g %s", sign, limit, unit)
	if unit == "ns/op" || unit == p50 || unit == p99 {
		asked = sign + " " + nanos(limit)
	}
	return check{name, asked, func(r *results) (string, bool, bool) {
		s := r.side(name)
		if s == nil {
			return "", false, false
		}
		v, ok := s.figureOf(unit)
		if unit == "ns/op" {
			return nanos(v), holds(v), ok
		}
		return figure(unit, v), holds(v), ok
	}}
}

func atMost(name, unit string, most float64) check {
	return bound(name, unit, "≤", most, func(v float64) bool { return v <= most })
}

func atLeast(name, unit string, least float64) check {
	return bound(name, unit, "≥", least, func(v float64) bool { return v >= least })
}

// quotient asks that a figure of ours is at most so many times a figure of the reference,
// where they were measured in turns.
func quotient(ours, unit, reference, referenceUnit string, most float64) check {
	return check{fmt.Sprintf("%s (%s) by %s", ours, figureName(unit), reference), fmt.Sprintf("≤ %.3g", most), func(r *results) (string, bool, bool) {
		g, s := r.together(ours, reference)
		if s == nil {
			return "", false, false
		}
		v, ok := g.Ours.figureOf(unit)
		w, ok2 := s.figureOf(referenceUnit)
		return fmt.Sprintf("%.3g (%s by %s)", v/w, nanos(v), nanos(w)), v/w <= most, ok && ok2
	}}
}

func figureName(unit string) string {
	if unit == "ns/op" {
		return "mean"
	}
	return unit[:len(unit)-len("-ns")]
}
