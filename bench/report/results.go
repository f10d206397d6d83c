package main

import (
	"cmp"
	"encoding/json"
	"os"
	"slices"

	"github.com/carom-ipc/carom/bench/internal/cases"
)

// results is all that a report found.
type results struct {
	Machine   machine  `json:"machine"`
	RunMillis int64    `json:"run_ms"`
	Times     int      `json:"times"`
	Absent    []string `json:"absent,omitempty"` // what could not be measured at all
	Asked     []asked  `json:"asked"`
	Groups    []*group `json:"groups"`
	Growths   []growth `json:"growths"`
	Plots     []string `json:"-"`
}

// group is a case with what it is compared to. All took turns.
type group struct {
	Section  string    `json:"section"`
	Ours     *side     `json:"ours"`
	Beside   []*side   `json:"beside,omitempty"`
	Missing  []missing `json:"missing,omitempty"`
	Nearness []float64 `json:"nearness_ns"` // before each round and after the last
}

// missing is a case that was to be measured.
type missing struct {
	Case string `json:"case"`
	Why  string `json:"why"`
}

// side is one case of a group, measured.
type side struct {
	Case    string             `json:"case"`
	Bytes   int                `json:"bytes,omitempty"`  // an operation
	Ns      []float64          `json:"ns_per_op"`        // of each run
	Ratios  []float64          `json:"ratios,omitempty"` // the group's own case by this one, of neighbouring runs
	Metrics map[string]float64 `json:"metrics,omitempty"`

	metrics map[string][]float64
	run     cases.Run
	ops     int
	close   func()
	abort   func()
}

// growth is how costs changed with the number of something.
type growth struct {
	Title  string  `json:"title"`
	At     []int   `json:"at"`
	Linear bool    `json:"linear,omitempty"`
	Curves []curve `json:"curves"`
}

// curve is the cost of one operation, run by run, at each number. Where it could not be
// measured there are none.
type curve struct {
	Name string      `json:"name"`
	Ns   [][]float64 `json:"ns_per_op"`
}

func (r *results) writeJSON(path string) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// side finds a case, ours or another's, as it was measured first.
func (r *results) side(name string) *side {
	for _, g := range r.Groups {
		for _, s := range append([]*side{g.Ours}, g.Beside...) {
			if s.Case == name {
				return s
			}
		}
	}
	return nil
}

// together finds a group in which two cases took turns.
func (r *results) together(ours, name string) (*group, *side) {
	for _, g := range r.Groups {
		if g.Ours.Case != ours {
			continue
		}
		for _, s := range g.Beside {
			if s.Case == name {
				return g, s
			}
		}
	}
	return nil, nil
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
