package main

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// chart is a plot with logarithms on both axes.
type chart struct {
	file, title, x, y string
	lines             []line
}

// save draws the chart, with the machine under its title.
func (c chart) save(machine, path string) error {
	p := plot.New()
	p.Title.Text = c.title + "\n" + machine
	p.X.Label.Text, p.Y.Label.Text = c.x, c.y
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for i, l := range c.lines {
		if err := l.add(p, i); err != nil {
			return err
		}
	}
	// Room above for the legend.
	p.Y.Max *= 10
	if p.X.Min == p.X.Max {
		p.X.Max *= 10
	}
	return p.Save(20*vg.Centimeter, 14*vg.Centimeter, path)
}

func (l line) add(p *plot.Plot, i int) error {
	middle := make(plotter.XYs, len(l.points))
	bars := struct {
		plotter.XYs
		plotter.YErrors
	}{XYs: middle, YErrors: make(plotter.YErrors, len(l.points))}
	for k, at := range l.points {
		middle[k] = plotter.XY{X: at.x, Y: at.y}
		bars.YErrors[k].Low, bars.YErrors[k].High = at.y-at.least, at.most-at.y
	}
	drawn, dots, err := plotter.NewLinePoints(middle)
	if err != nil {
		return err
	}
	drawn.Color, drawn.Dashes = plotutil.Color(i), plotutil.Dashes(i/len(plotutil.DefaultColors))
	dots.Color, dots.Shape = plotutil.Color(i), plotutil.Shape(i)
	spread, err := plotter.NewYErrorBars(bars)
	if err != nil {
		return err
	}
	spread.Color = plotutil.Color(i)
	p.Add(drawn, dots, spread)
	p.Legend.Add(l.name, drawn, dots)
	return nil
}
