package main

import (
	"fmt"
	"strings"
)

func nanos(ns float64) string {
	switch {
	case ns == 0:
		return "–"
	case ns >= 1e9:
		return fmt.Sprintf("%.3g s", ns/1e9)
	case ns >= 1e6:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	case ns >= 1e3:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	}
	return fmt.Sprintf("%.3g ns", ns)
}

func number(n int) string {
	switch {
	case n >= 1e6 && n%1e6 == 0:
		return fmt.Sprintf("%dM", n/1e6)
	case n >= 1e3 && n%1e3 == 0:
		return fmt.Sprintf("%dk", n/1e3)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d Mi", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d Ki", n>>10)
	}
	return fmt.Sprint(n)
}

// units of further figures, in the order in which they are shown.
var units = []string{"p50-ns", "p99-ns", "p99.9-ns", "least/mean", "cpu-%", "arena-B/op", "allocs/op"}

func figure(unit string, v float64) string {
	if name, isTime := strings.CutSuffix(unit, "-ns"); isTime {
		return name + " " + nanos(v)
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}

// cell is the time of a case, with its spread and its further figures.
func (s *side) cell() string {
	least, most := spread(s.Ns)
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s…%s)", nanos(median(s.Ns)), nanos(least), nanos(most))
	if s.Bytes >= 1<<10 && !strings.HasPrefix(s.Case, "ByteQueue/") { // which copies nothing
		fmt.Fprintf(&b, ", %.3g GB/s", float64(s.Bytes)/median(s.Ns))
	}
	for _, unit := range units {
		if v, ok := s.Metrics[unit]; ok {
			b.WriteString(", " + figure(unit, v))
		}
	}
	return b.String()
}

func ratioCell(ratios []float64) string {
	least, most := spread(ratios)
	return fmt.Sprintf("%.4g (%.3g…%.3g)", median(ratios), least, most)
}
