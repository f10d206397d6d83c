package main

import (
	"fmt"
	"slices"
	"strings"
)

// results are what a plot needs of the report's.
type results struct {
	Machine machine
	Groups  []group
	Growths []growth
}

type machine struct {
	CPU   string
	Cores int
	Day   string
}

func (m machine) String() string { return fmt.Sprintf("%s, %d cores, %s", m.CPU, m.Cores, m.Day) }

type group struct {
	Ours   side
	Beside []side
}

type side struct {
	Case string
	Ns   []float64 `json:"ns_per_op"`
}

type growth struct {
	Title  string
	At     []int
	Curves []struct {
		Name string
		Ns   [][]float64 `json:"ns_per_op"`
	}
}

// line is what a chart draws of one thing. Each point has its spread.
type line struct {
	name   string
	points []point
}

type point struct{ x, y, least, most float64 }

func at(x float64, ns []float64) point {
	v := slices.Sorted(slices.Values(ns))
	return point{x, (v[(len(v)-1)/2] + v[len(v)/2]) / 2, v[0], v[len(v)-1]}
}

// sides are all cases, each as it was measured first.
func (r results) sides() map[string]side {
	all := map[string]side{}
	for _, g := range r.Groups {
		for _, s := range append([]side{g.Ours}, g.Beside...) {
			if _, ok := all[s.Case]; !ok && len(s.Ns) > 0 {
				all[s.Case] = s
			}
		}
	}
	return all
}

// charts are what there is to draw.
func (r results) charts() (list []chart) {
	for _, g := range r.Growths {
		c := chart{file: "growth-" + strings.ReplaceAll(strings.ReplaceAll(g.Title, " ", "-"), "'", ""), title: "Cost with the number of " + g.Title, x: g.Title, y: "ns an operation"}
		if strings.HasPrefix(g.Title, "bytes") {
			c.title = "Cost with " + g.Title
		}
		for _, curve := range g.Curves {
			l := line{name: curve.Name}
			for i, ns := range curve.Ns {
				if len(ns) > 0 {
					l.points = append(l.points, at(float64(g.At[i]), ns))
				}
			}
			if len(l.points) > 0 {
				c.lines = append(c.lines, l)
			}
		}
		list = append(list, c)
	}
	all := r.sides()
	for _, shape := range []struct{ file, title, procs string }{
		{"queue-1-1", "Queues, one producer and one consumer", "procs=2"},
		{"queue-2-2", "Queues, two producers and two consumers", "procs=4/producers=2"},
		{"queue-4-1", "Queues, four producers and one consumer", "procs=5/producers=4"},
		{"queue-1-4", "Queues, one producer and four consumers", "procs=5/producers=1"},
	} {
		c := chart{file: shape.file, title: shape.title, x: "bytes of an item", y: "ns an item"}
		for _, impl := range []string{"Queue/impl=carom", "ByteQueue/impl=carom", "Queue/impl=two-lock-ring", "Queue/impl=spsc", "Queue/impl=unix", "Queue/impl=pipe", "Queue/impl=go-ipc", "Queue/impl=boost", "Queue/impl=multiprocessing"} {
			l := line{name: strings.Replace(impl, "/impl=", " by ", 1)}
			for _, size := range []struct {
				bytes float64
				name  string
			}{{64, "64B"}, {1 << 10, "1KiB"}, {64 << 10, "64KiB"}, {1 << 20, "1MiB"}} {
				if s, ok := all[impl+"/"+shape.procs+"/size="+size.name]; ok {
					l.points = append(l.points, at(size.bytes, s.Ns))
				}
			}
			if len(l.points) > 0 {
				c.lines = append(c.lines, l)
			}
		}
		list = append(list, c)
	}
	return append(list, dictCharts(all)...)
}

// dictCharts have the number of goroutines below, over all clients.
func dictCharts(all map[string]side) (list []chart) {
	for _, op := range []string{"Get", "Set", "AddKey", "GetMany", "Update"} {
		c := chart{file: "dict-" + strings.ToLower(op), title: "Dict " + op, x: "goroutines, over 1 and 4 clients", y: "ns an entry"}
		for _, impl := range []string{"carom/way=lane", "carom/way=socket", "echo", "redis", "netrpc"} {
			l := line{name: impl}
			for _, crowd := range []struct {
				n    float64
				name string
			}{{1, "clients=1/goroutines=1"}, {4, "clients=4/goroutines=1"}, {64, "clients=1/goroutines=64"}, {256, "clients=4/goroutines=64"}} {
				if s, ok := all["Dict"+op+"/impl="+impl+"/"+crowd.name]; ok {
					l.points = append(l.points, at(crowd.n, s.Ns))
				}
			}
			if len(l.points) > 0 {
				c.lines = append(c.lines, l)
			}
		}
		list = append(list, c)
	}
	return list
}
