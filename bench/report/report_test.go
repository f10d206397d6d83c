package main

import (
	"strings"
	"testing"

	"github.com/carom-ipc/carom/bench/internal/cases"
)

// ofOthers: some have their cases in programs that a test does not build.
func ofOthers(name string) bool {
	return cases.IsAnchor(name) || strings.Contains(name, "impl=redis") || strings.Contains(name, "impl=go-ipc")
}

func TestSectionsNameCases(t *testing.T) {
	for _, s := range sections {
		for _, g := range s.groups {
			for _, name := range g {
				if _, err := cases.Find(name); err != nil && !ofOthers(name) {
					t.Errorf("%s: %v", s.title, err)
				}
			}
		}
	}
}

// TestLinesAreMeasured answers all that is asked from invented results.
func TestLinesAreMeasured(t *testing.T) {
	r := &results{}
	for _, s := range sections {
		for _, names := range s.groups {
			g := &group{Ours: invented(names[0])}
			for _, name := range names[1:] {
				other := invented(name)
				other.Ratios = []float64{1}
				g.Beside = append(g.Beside, other)
			}
			r.Groups = append(r.Groups, g)
		}
	}
	r.ask()
	for _, a := range r.Asked {
		if a.Verdict == notMeasured {
			t.Error(a)
		}
	}
}

func invented(name string) *side {
	s := &side{Case: name, Ns: []float64{1}, Metrics: map[string]float64{}}
	for _, unit := range units {
		s.Metrics[unit] = 1
	}
	return s
}

func TestGrew(t *testing.T) {
	g := growth{At: []int{1, 8, 64}}
	c := curve{Ns: [][]float64{{10}, {20}, {70}}}
	if times, may, ok := g.grew(c); times != 7 || may != 7 || !ok {
		t.Errorf("%v times, may %v, %v", times, may, ok)
	}
	g.Linear = true
	if _, may, _ := g.grew(c); may != 64 {
		t.Errorf("may %v", may)
	}
}
