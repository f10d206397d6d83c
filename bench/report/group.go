package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench"
)

// groups measures those that the filter lets through.
func (p plan) groups(ctx context.Context, m *carom.Manager, filter *regexp.Regexp, all *results) {
	for _, s := range sections {
		for _, names := range s.groups {
			if !filter.MatchString(strings.Join(names, " ")) {
				continue
			}
			if ctx.Err() != nil {
				return
			}
			g := p.group(ctx, m, names)
			g.Section = s.title
			for _, x := range g.Missing {
				fmt.Printf("%s: not measured, %s\n", x.Case, x.Why)
			}
			if g.Ours == nil {
				for _, x := range g.Missing {
					all.Absent = append(all.Absent, fmt.Sprintf("%s: %s", x.Case, x.Why))
				}
				continue
			}
			fmt.Println(g)
			all.Groups = append(all.Groups, g)
		}
	}
}

// group has the cases of those names take turns. The first one is ours. One that fails is
// left out; without ours there is no group.
func (p plan) group(ctx context.Context, m *carom.Manager, names []string) *group {
	g := &group{}
	var sides []*side
	for i, name := range names {
		s, err := p.open(ctx, m, name)
		if err != nil {
			g.miss(name, err)
			if i == 0 {
				return g
			}
			continue
		}
		sides = append(sides, s)
	}
	for range p.times {
		g.Nearness = append(g.Nearness, nearness(ctx))
		for i := 0; i < len(sides); i++ {
			s := sides[i]
			err := s.once()
			if err == nil && ctx.Err() != nil {
				err = ctx.Err()
			}
			switch {
			case err != nil:
				g.miss(s.Case, err)
				s.stop(err)
				if i == 0 {
					for _, other := range sides[1:] {
						other.stop(nil)
					}
					return g
				}
				sides = append(sides[:i], sides[i+1:]...)
				i--
			case i > 0:
				s.Ratios = append(s.Ratios, last(sides[0].Ns)/last(s.Ns))
			}
		}
	}
	g.Nearness = append(g.Nearness, nearness(ctx))
	for _, s := range sides {
		s.stop(nil)
	}
	g.Ours, g.Beside = sides[0], sides[1:]
	return g
}

func (g *group) miss(name string, err error) {
	why := "FAILED: " + err.Error()
	if errors.Is(err, bench.ErrMissing) {
		why = err.Error()
	}
	g.Missing = append(g.Missing, missing{name, why})
}

// String is the group in one line a case.
func (g *group) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  nearness %.0f ns", g.Ours.Case, g.Ours.cell(), median(g.Nearness))
	for _, s := range g.Beside {
		fmt.Fprintf(&b, "\n    %s  by %s  %s", ratioCell(s.Ratios), s.Case, s.cell())
	}
	return b.String()
}
